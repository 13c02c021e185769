import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../runtime/base/clock.ts";

/** Frames a second, or as fast as they are taken. */
export type Fps = number | "max";

/** Waits until frame `id` of 1, 2, … is due. Due times count from the start, so that late frames do not add up. */
export async function untilDue(
  clock: Clock,
  { fps, id, startNs }: { fps: Fps; id: number; startNs: bigint },
  signal: AbortSignal,
): Promise<void> {
  if (fps === "max") return;
  const dueMs = ((id - 1) * 1000) / fps;
  const nowMs = Number(clock.nowNs() - startNs) / 1e6;
  if (dueMs > nowMs) await sleep(dueMs - nowMs, undefined, { signal }).catch(() => {});
}
