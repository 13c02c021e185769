import { expect, test } from "vitest";
import { ANY_DETECTION_FAILS, decide, type Rule } from "../../../runtime/pipeline/decide.ts";
import type { Detection } from "../../../runtime/pipeline/detection.ts";

const found = (label: string, score = 0.9, side = 10): Detection => ({
  label,
  classId: 0,
  score,
  box: [0, 0, side, side],
});
const rule = (given: Partial<Rule>): Rule => ({ min_count: 1, verdict: "fail", ...given });

test.each<{
  what: string;
  detections: Detection[];
  rules: readonly Rule[];
  verdict: string;
  reasons: string[];
}>([
  { what: "nothing found passes", detections: [], rules: ANY_DETECTION_FAILS, verdict: "pass", reasons: [] },
  {
    what: "without rules anything fails",
    detections: [found("spur")],
    rules: ANY_DETECTION_FAILS,
    verdict: "fail",
    reasons: ["1 spur"],
  },
  { what: "no rule at all passes", detections: [found("spur")], rules: [], verdict: "pass", reasons: [] },
  {
    what: "a label that no rule names passes",
    detections: [found("spur")],
    rules: [rule({ labels: ["open"] })],
    verdict: "pass",
    reasons: [],
  },
  {
    what: "a score below the rule's passes",
    detections: [found("spur", 0.4)],
    rules: [rule({ min_score: 0.41 })],
    verdict: "pass",
    reasons: [],
  },
  {
    what: "a score equal to the rule's fails",
    detections: [found("spur", 0.4)],
    rules: [rule({ min_score: 0.4 })],
    verdict: "fail",
    reasons: ["1 spur"],
  },
  {
    what: "an area below the rule's passes",
    detections: [found("spur", 1, 9)],
    rules: [rule({ min_area_px: 100 })],
    verdict: "pass",
    reasons: [],
  },
  {
    what: "an area equal to the rule's fails",
    detections: [found("spur", 1, 10)],
    rules: [rule({ min_area_px: 100 })],
    verdict: "fail",
    reasons: ["1 spur"],
  },
  {
    what: "fewer than counted pass",
    detections: [found("spur")],
    rules: [rule({ min_count: 2 })],
    verdict: "pass",
    reasons: [],
  },
  {
    what: "reasons count by label, most first",
    detections: [found("open"), found("spur"), found("spur")],
    rules: [rule({ min_count: 3 })],
    verdict: "fail",
    reasons: ["2 spur, 1 open"],
  },
  {
    what: "review where no rule fails",
    detections: [found("spur")],
    rules: [rule({ verdict: "review" })],
    verdict: "review",
    reasons: ["1 spur"],
  },
  {
    what: "fail outranks a review before it",
    detections: [found("spur")],
    rules: [rule({ verdict: "review" }), rule({})],
    verdict: "fail",
    reasons: ["1 spur", "1 spur"],
  },
  {
    what: "fail outranks a review after it",
    detections: [found("spur")],
    rules: [rule({}), rule({ verdict: "review" })],
    verdict: "fail",
    reasons: ["1 spur", "1 spur"],
  },
])("$what", ({ detections, rules, verdict, reasons }) => {
  expect(decide(detections, rules)).toMatchObject({ verdict, reasons });
});

test("only what a failing rule counted is marked as failing", () => {
  const [open, spur] = [found("open"), found("spur")];
  const { failing } = decide([open, spur], [rule({ labels: ["open"] }), rule({ verdict: "review" })]);
  expect([...failing]).toEqual([open]);
});
