import { describe, expect, it } from "vitest";
import { BINS, Histogram, histogramJson } from "../../../toolchain/quantize/calibrate/histogram.ts";
import { gaussian, relu, seeds } from "./values.ts";

const filled = (...images: Float32Array[]): Histogram => {
  const histogram = new Histogram("t");
  for (const image of images) histogram.add(image);
  return histogram;
};
const total = ({ counts }: Histogram): number => counts.reduce((sum, count) => sum + count, 0);
const refused = (code: string, message: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

describe("Histogram", () => {
  it("counts a value on an edge to its right, the outermost in the last bin", () => {
    const { counts, limit } = filled(Float32Array.of(-1, 0, 1 / 1024, 1));
    expect(limit).toBe(1);
    expect(Object.entries(counts).filter(([, count]) => count > 0)).toEqual([
      ["0", 1],
      ["1024", 1],
      ["1025", 1],
      ["2047", 1],
    ]);
  });

  it.each(seeds)("is the same from whatever order of growth, up to halved bins (seed %d)", (seed) => {
    const small = gaussian(5000, seed);
    const large = gaussian(5000, seed + 1, 10);
    const grown = filled(small, large);
    const start = filled(small).limit;
    const whole = filled(Float32Array.of(grown.limit), small, large);
    expect(Math.log2(grown.limit / start) % 1).toBe(0);
    whole.counts[BINS - 1] = (whole.counts[BINS - 1] ?? 0) - 1;
    // Bins have the same edges; a value within rounding of an edge may fall on either side.
    const moved = whole.counts.reduce((sum, count, i) => sum + Math.abs(count - (grown.counts[i] ?? 0)), 0);
    expect(moved).toBeLessThanOrEqual(4);
    expect(total(grown)).toBe(10_000);
  });

  it("knows smallest and largest value exactly, and their means over the images", () => {
    const histogram = filled(Float32Array.of(-1, 2), Float32Array.of(-3, 1), new Float32Array(0));
    expect(histogram).toMatchObject({ min: -3, max: 2, images: 2, meanMin: -2, meanMax: 1.5 });
  });

  it("holds dead tensors and outliers in the same memory", () => {
    const tiny = filled(new Float32Array(9), Float32Array.of(1e-38), Float32Array.of(3e38, -1e38));
    expect(tiny.counts).toHaveLength(BINS);
    expect(total(tiny)).toBe(12);
    expect(tiny.limit).toBeGreaterThanOrEqual(3e38);
    expect(tiny.counts[BINS / 2]).toBe(10);
    expect(filled(new Float32Array(9))).toMatchObject({ limit: 0, min: 0, max: 0 });
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "refuses %d and stays as it was",
    (odd) => {
      const histogram = filled(Float32Array.of(1, -0.5));
      const before = histogram.toJson();
      const add = () => histogram.add(Float32Array.of(7, odd, 0));
      expect(add).toThrow(refused("ERR_QUANTIZE_RANGE", "tensor t contains NaN or infinity"));
      expect(histogram.toJson()).toEqual(before);
    },
  );

  it("comes back from its JSON and goes on", () => {
    const histogram = filled(relu(gaussian(1000, 3)));
    const back = Histogram.fromJson(histogramJson.parse(JSON.parse(JSON.stringify(histogram.toJson()))));
    expect(back).toEqual(histogram);
    for (const each of [back, histogram]) each.add(gaussian(1000, 4, 9));
    expect(back).toEqual(histogram);
  });

  it("has no JSON without values", () => {
    expect(() => new Histogram("t").toJson()).toThrow(refused("ERR_QUANTIZE_RANGE", "t has no values"));
  });

  it.each(["", "AAAA", "!", Buffer.alloc(99).toString("base64")])("refuses the counts %j", (counts) => {
    const json = { ...filled(Float32Array.of(1)).toJson(), counts };
    expect(() => Histogram.fromJson(json)).toThrow(refused("ERR_CALIBRATION_FILE", "tensor t: counts"));
  });

  it("refuses counts that are not whole numbers", () => {
    const histogram = filled(Float32Array.of(1));
    histogram.counts[5] = 0.5;
    const read = () => Histogram.fromJson(histogram.toJson());
    expect(read).toThrow(refused("ERR_CALIBRATION_FILE", "not whole numbers"));
  });
});
