import { combine, type Scale, worse } from "../decide.ts";
import { type Gauge, measure } from "../measure.ts";
import type { JudgingStage } from "./stage.ts";

export interface MeasureOptions {
  gauges: readonly Gauge[];
}

/** Holds dimensions of a part against their tolerances. */
export function measureStage({ gauges }: MeasureOptions, { pxPerMm }: Scale): JudgingStage {
  return {
    kind: "judging",
    judge(judged) {
      const { measurements, reasons, verdicts } = measure(judged.detections, gauges, pxPerMm);
      const own = { verdict: verdicts.reduce(worse, "pass"), reasons, failing: new Set<never>() };
      const decision = combine(judged.decision, own);
      const all = [...judged.measurements, ...measurements];
      return [{ ...judged, measurements: all, decision, verdict: decision.verdict }];
    },
  };
}
