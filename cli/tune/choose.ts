import type { TrialResult } from "./measure.ts";

/** Trials whose throughput differs by less than this count as equal; then the shorter run time decides. */
const TIE_SHARE = 0.03;

/**
 * The trial with the highest throughput among those that can answer within `sloMs`. A frame may arrive just after a run
 * has started and then waits for that run and its own: 2·l(b) ≤ SLO (Nexus, SOSP '19). Undefined if no trial can.
 */
export function chooseTrial(measured: readonly TrialResult[], sloMs: number): TrialResult | undefined {
  const possible = measured.filter(({ p95Ms }) => 2 * p95Ms <= sloMs);
  const most = Math.max(...possible.map(({ perSecond }) => perSecond));
  const fastest = possible.filter(({ perSecond }) => perSecond >= (1 - TIE_SHARE) * most);
  return fastest.toSorted((a, b) => a.p95Ms - b.p95Ms)[0];
}
