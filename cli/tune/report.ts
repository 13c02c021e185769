import { table } from "../table.ts";
import type { Measured } from "./measure.ts";

const BAR = 30;

/** Every way that was measured, and how its frames a second compare. */
export function report(measured: readonly Measured[], chosen: Measured | undefined): string {
  const most = Math.max(...measured.map(({ perSecond }) => perSecond));
  const rows = measured.map((each) => {
    const { p50Ms, p95Ms, perSecond, way } = each;
    const bar = "█".repeat(Math.max(1, Math.round((BAR * perSecond) / most)));
    return [
      way.variant,
      `${way.instances} × ${way.threads}`,
      way.batch,
      ...[perSecond, p50Ms, p95Ms].map((value) => value.toFixed(1).padStart(8)),
      each === chosen ? `${bar} best` : bar,
    ];
  });
  return table(["variant", "runs × threads", "batch", "frames/s", "run p50", "run p95 ms", ""], rows);
}
