import { combine, decide, type Rule, type Scale } from "../decide.ts";
import type { JudgingStage } from "./stage.ts";

export interface RulesOptions {
  rules: readonly Rule[];
}

/** Decides by labels, scores, sizes, places and counts. */
export function rulesStage({ rules }: RulesOptions, scale: Scale): JudgingStage {
  return {
    kind: "judging",
    judge(judged) {
      const decision = combine(judged.decision, decide(judged.detections, rules, scale));
      return [{ ...judged, decision, verdict: decision.verdict }];
    },
  };
}
