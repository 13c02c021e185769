import { expect, test } from "vitest";
import type { Rule } from "../../../../runtime/pipeline/decide.ts";
import type { Detection } from "../../../../runtime/pipeline/detection.ts";
import { rulesStage } from "../../../../runtime/pipeline/stages/rules.ts";
import { aJudged, found } from "../../../support/judged.ts";

const SCALE = {
  pxPerMm: 10,
  zones: {
    rim: {
      points: [
        [0, 0],
        [100, 0],
        [100, 20],
        [0, 20],
      ],
    },
  },
} as const;

const judge = (detections: Detection[], ...rules: Rule[]) =>
  rulesStage({ rules }, SCALE).judge(aJudged({ detections }))[0];

test.each<{ what: string; detections: Detection[]; rule: Rule; verdict: string; reasons: string[] }>([
  {
    what: "inside a zone",
    detections: [found("dent", [0, 0, 10, 10]), found("dent", [0, 50, 10, 60])],
    rule: { inside: "rim", verdict: "fail" },
    verdict: "fail",
    reasons: ["1 dent"],
  },
  {
    what: "outside a zone",
    detections: [found("dent", [0, 0, 10, 10])],
    rule: { outside: "rim", verdict: "fail" },
    verdict: "pass",
    reasons: [],
  },
  {
    what: "an area in square millimetres: 10×10 pixels are 1 mm²",
    detections: [found("dent", [0, 0, 10, 10])],
    rule: { min_area_mm2: 1, verdict: "fail" },
    verdict: "fail",
    reasons: ["1 dent"],
  },
  {
    what: "a smaller one",
    detections: [found("dent", [0, 0, 10, 9.9])],
    rule: { min_area_mm2: 1, verdict: "fail" },
    verdict: "pass",
    reasons: [],
  },
  {
    what: "the area of a mask in place of its box",
    detections: [{ ...found("dent"), areaPx: 30 }],
    rule: { min_area_px: 50, verdict: "fail" },
    verdict: "pass",
    reasons: [],
  },
  {
    what: "too few of what must be there",
    detections: [found("screw"), found("screw"), found("screw")],
    rule: { labels: ["screw"], expect: { min: 4, max: 4 }, verdict: "fail" },
    verdict: "fail",
    reasons: ["3 screw, expected 4"],
  },
  {
    what: "none of what must be there",
    detections: [found("dent")],
    rule: { labels: ["board"], expect: { min: 1, max: 2 }, verdict: "error" },
    verdict: "error",
    reasons: ["0 board, expected 1 to 2"],
  },
  {
    what: "as many as must be there",
    detections: [found("screw"), found("screw")],
    rule: { labels: ["screw"], expect: { min: 2, max: 2 }, verdict: "fail" },
    verdict: "pass",
    reasons: [],
  },
  {
    what: "what a second model said",
    detections: [{ ...found("cap"), attributes: { closure: { label: "open", score: 0.8 } } }, found("cap")],
    rule: { attributes: { closure: "open" }, verdict: "review" },
    verdict: "review",
    reasons: ["1 cap"],
  },
])("$what: $verdict", ({ detections, reasons, rule, verdict }) => {
  expect(judge(detections, rule)).toMatchObject({ verdict, decision: { verdict, reasons } });
});

test("a frame that is not to be judged outranks what else was found on it", () => {
  const rules: Rule[] = [
    { verdict: "fail" },
    { labels: ["board"], expect: { min: 1, max: 1 }, verdict: "error" },
  ];
  expect(judge([found("dent")], ...rules)?.verdict).toBe("error");
});

test("rules behind others add to what stands", () => {
  const [first] = rulesStage({ rules: [{ verdict: "fail" }] }, {}).judge(
    aJudged({ detections: [found("dent")] }),
  );
  const [second] = rulesStage({ rules: [{ verdict: "review" }] }, {}).judge(first ?? aJudged());
  expect(second).toMatchObject({ verdict: "fail", decision: { reasons: ["1 dent", "1 dent"] } });
  expect(second?.decision.failing.size).toBe(1);
});
