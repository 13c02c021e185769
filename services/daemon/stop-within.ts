import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../../runtime/base/logger.ts";

/** Waits for one part's stop, but not for ever: says which part was late, and why one failed, and goes on. */
export async function stopWithin(
  logger: Logger,
  part: string,
  limitMs: number,
  work: Promise<unknown> | undefined,
): Promise<void> {
  const timer = new AbortController();
  const late = sleep(limitMs, "late", { signal: timer.signal }).catch(() => "cancelled");
  const result = await Promise.race([late, Promise.resolve(work).catch((error: unknown) => ({ error }))]);
  timer.abort();
  if (result === "late")
    logger.error({ code: "ERR_STOP_TIMEOUT", part, limit_ms: limitMs }, "did not stop in time");
  else if (typeof result === "object" && result !== null && "error" in result) {
    logger.error({ part, err: result.error }, "failed to stop");
  }
}
