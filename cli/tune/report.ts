import { table } from "../table.ts";
import type { TrialResult } from "./measure.ts";

const BAR = 30;

/** A table of all trials, with a bar for the throughput of each. */
export function report(measured: readonly TrialResult[], chosen: TrialResult | undefined): string {
  const most = Math.max(...measured.map(({ perSecond }) => perSecond));
  const rows = measured.map((each) => {
    const { p50Ms, p95Ms, perSecond, trial } = each;
    const bar = "█".repeat(Math.max(1, Math.round((BAR * perSecond) / most)));
    return [
      trial.variant,
      `${trial.instances} × ${trial.threads}`,
      trial.batch,
      ...[perSecond, p50Ms, p95Ms].map((value) => value.toFixed(1).padStart(8)),
      each === chosen ? `${bar} best` : bar,
    ];
  });
  return table(["variant", "runs × threads", "batch", "frames/s", "run p50 ms", "run p95 ms", ""], rows);
}
