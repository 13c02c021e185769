import type { Measured } from "./measure.ts";

/** Ways that differ by less are equally fast: then the quicker answer counts. */
const EVEN = 0.03;

/**
 * The way with the most frames a second among those that can answer within `sloMs`: a frame may come just behind a run, and then
 * has its own (2·l(b) ≤ SLO, as Nexus has it, SOSP '19). Undefined where none can.
 */
export function chooseWay(measured: readonly Measured[], sloMs: number): Measured | undefined {
  const possible = measured.filter(({ p95Ms }) => 2 * p95Ms <= sloMs);
  const most = Math.max(...possible.map(({ perSecond }) => perSecond));
  const fastest = possible.filter(({ perSecond }) => perSecond >= (1 - EVEN) * most);
  return fastest.toSorted((a, b) => a.p95Ms - b.p95Ms)[0];
}
