import { SightlineError } from "../../runtime/base/errors.ts";
import type { Verb } from "../verb.ts";

/** The toolchain takes as long to load as everything else together, so no other command, nor the daemon, loads it. */
const subVerbs = async (): Promise<readonly Verb[]> => (await import("./model/sub-verbs.ts")).SUB_VERBS;

export const model: Verb = {
  name: "model",
  summary: "quantize, split, sign, install and update models; load them into the running daemon",
  usage: "model COMMAND …",
  async details() {
    const verbs = await subVerbs();
    return verbs.map(({ summary, usage }) => `${usage}\n      ${summary}`).join("\n");
  },
  async run([name, ...rest], context) {
    const verb = (await subVerbs()).find((sub) => sub.name === name);
    if (verb) return verb.run(rest, context);
    const message = name === undefined ? "COMMAND is missing" : `there is no command "${name}"`;
    throw new SightlineError("ERR_USAGE", `model: ${message}`, { hint: "Run `sightline help model`." });
  },
};
