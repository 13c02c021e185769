import { describe, expect, it } from "vitest";
import { calibrationText, parseCalibration } from "../../../toolchain/quantize/calibrate/calibration-file.ts";
import { Histogram } from "../../../toolchain/quantize/calibrate/histogram.ts";
import { ortTensorRtTable, tensorRtCache } from "../../../toolchain/quantize/calibrate/tables.ts";
import { gaussian } from "./values.ts";

const histogram = (name: string, ...values: number[]): Histogram => {
  const made = new Histogram(name);
  made.add(Float32Array.from(values));
  return made;
};
const modelSha256 = "0".repeat(64);
const text = (...histograms: Histogram[]): string => calibrationText({ modelSha256, histograms });
const parse = (json: string) => parseCalibration(json, "c.json");
const refused = (message: string) =>
  expect.objectContaining({ code: "ERR_CALIBRATION_FILE", message: expect.stringContaining(message) });

describe("a calibration file", () => {
  it("comes back as it was", () => {
    const made = [histogram("a", 1, 2), histogram("b/c:0", ...gaussian(500, 1)), histogram("dead", 0)];
    expect(parse(text(...made))).toEqual({ modelSha256, histograms: made });
  });

  it.each([
    ["{", "c.json: "],
    ["[]", "c.json: the calibration: "],
    [text(histogram("a", 1)).replace("calibration/1", "calibration/2"), "c.json: schema: "],
    [text(histogram("a", 1)).replace('"images":1', '"images":0'), "c.json: tensors[0].images: "],
    [
      text(histogram("a", 1)).replace('"max":1', '"max":-7'),
      "c.json: tensors[0]: min, max and limit disagree",
    ],
    [text(histogram("a", 1)).replace('"counts":"', '"counts":"x'), "tensor a: counts"],
    [text(histogram("a", 1), histogram("a", 2)), "a tensor appears twice"],
  ])("refuses what is damaged: %#", (json, message) => {
    expect(() => parse(json)).toThrow(refused(message));
  });
});

describe("tables for TensorRT", () => {
  const ranges = new Map([
    ["y", { min: 0, max: 127 }],
    ["x", { min: -254, max: 1 }],
  ]);

  it("has scales in hex", () => {
    expect(tensorRtCache(ranges, "8601")).toBe("TRT-8601-EntropyCalibration2\nx: 40000000\ny: 3f800000\n");
  });

  it("has the larger magnitude", () => {
    expect(ortTensorRtTable(ranges)).toBe("x 254\ny 127\n");
  });
});
