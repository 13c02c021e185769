import { expect, test } from "vitest";
import type { Detection } from "../../../../runtime/pipeline/detection.ts";
import type { Gauge } from "../../../../runtime/pipeline/measure.ts";
import { measureStage } from "../../../../runtime/pipeline/stages/measure.ts";
import { aJudged, found } from "../../../support/judged.ts";

const PINS = [
  found("pin", [0, 0, 10, 20]),
  found("pin", [30, 40, 40, 60], 0.8),
  found("pad", [100, 0, 120, 10]),
];

const judge = (detections: Detection[], gauge: Partial<Gauge>, pxPerMm?: number) => {
  const whole: Gauge = { name: "size", what: "width", of: ["pin"], verdict: "fail", ...gauge };
  return measureStage({ gauges: [whole] }, { pxPerMm }).judge(aJudged({ detections }))[0];
};

test.each<{ what: string; gauge: Partial<Gauge>; pxPerMm?: number; value: number; ok: boolean }>([
  { what: "width of the best", gauge: {}, value: 10, ok: true },
  { what: "height in mm", gauge: { what: "height" }, pxPerMm: 8, value: 2.5, ok: true },
  { what: "distance of two of one label", gauge: { what: "distance" }, pxPerMm: 10, value: 5, ok: true },
  {
    what: "distance of two labels",
    gauge: { what: "distance", of: ["pin", "pad"] },
    value: 105.119,
    ok: true,
  },
  { what: "at its lower limit", gauge: { lsl: 10 }, value: 10, ok: true },
  { what: "below its lower limit", gauge: { lsl: 10.1 }, value: 10, ok: false },
  { what: "at its upper limit", gauge: { usl: 10 }, value: 10, ok: true },
  { what: "above its upper limit", gauge: { usl: 9.9, verdict: "review" }, value: 10, ok: false },
])("$what", ({ gauge, ok, pxPerMm, value }) => {
  const judged = judge(PINS, gauge, pxPerMm);
  expect(judged?.measurements).toEqual([
    {
      name: "size",
      value: expect.closeTo(value, 3),
      unit: pxPerMm ? "mm" : "px",
      lsl: gauge.lsl ?? null,
      usl: gauge.usl ?? null,
      ok,
    },
  ]);
  expect(judged?.verdict).toBe(ok ? "pass" : (gauge.verdict ?? "fail"));
});

test("a reason names the value, its unit and the limits", () => {
  expect(judge(PINS, { usl: 0.9 }, 10)?.decision.reasons).toEqual(["size: 1.000 mm, limits none to 0.9"]);
});

test.each([
  { of: ["gap"] },
  { what: "distance" as const, of: ["pad"] },
  { what: "distance" as const, of: ["pin", "gap"] },
])("what is not there is not good: %j", (gauge) => {
  const judged = judge(PINS, gauge);
  expect(judged?.measurements).toMatchObject([{ value: null, ok: false }]);
  expect(judged?.verdict).toBe("fail");
  expect(judged?.decision.reasons[0]).toMatch(/not found/);
});
