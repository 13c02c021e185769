import { type ErrorRecord, SightlineError } from "./errors.ts";

/** What comes back of a request to the running daemon. */
export type Answer = { status: "ok"; data: unknown } | { status: "error"; error: ErrorRecord };

/** Does what a request asks for; never throws. */
export type Answerer = (request: string, args: unknown) => Promise<Answer>;

export const refusal = (error: unknown): Answer => ({
  status: "error",
  error: SightlineError.wrap("ERR_REQUEST", error).toRecord(),
});
