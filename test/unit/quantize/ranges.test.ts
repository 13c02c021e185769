import { describe, expect, it } from "vitest";
import { Histogram } from "../../../toolchain/quantize/calibrate/histogram.ts";
import { type RangeMethod, rangeOf } from "../../../toolchain/quantize/calibrate/ranges.ts";
import { affineOf, codeOf } from "../../../toolchain/quantize/numerics/scale.ts";
import { gaussian, relu, seeds } from "./values.ts";

const filled = (...images: Float32Array[]): Histogram => {
  const histogram = new Histogram("t");
  for (const image of images) histogram.add(image);
  return histogram;
};

const METHODS: RangeMethod[] = [
  { method: "minmax" },
  { method: "mean-minmax" },
  { method: "percentile" },
  { method: "percentile", percentile: 99, symmetric: true },
  { method: "entropy" },
  { method: "mse" },
  { method: "mse", steps: 15, symmetric: true },
];

describe.each(METHODS)("rangeOf %j", (method) => {
  it("holds 0 and is not wider than what was seen", () => {
    for (const image of [gaussian(9000, 1), relu(gaussian(9000, 2)), gaussian(9000, 3).map((x) => x - 20)]) {
      const histogram = filled(image);
      const { min, max } = rangeOf(histogram, method);
      expect(min).toBeLessThanOrEqual(0);
      expect(max).toBeGreaterThanOrEqual(0);
      expect(min).toBeGreaterThanOrEqual(Math.min(0, histogram.min));
      expect(max).toBeLessThanOrEqual(Math.max(0, histogram.max));
      expect(max - min).toBeGreaterThan(0);
    }
  });

  it("is empty for a dead tensor and an error for one without values", () => {
    expect(rangeOf(filled(new Float32Array(5)), method)).toEqual({ min: 0, max: 0 });
    const none = () => rangeOf(filled(new Float32Array(0)), method);
    expect(none).toThrow(expect.objectContaining({ code: "ERR_QUANTIZE_RANGE" }));
  });
});

describe("minmax", () => {
  it("is exact, or the mean over the images", () => {
    const histogram = filled(Float32Array.of(-1, 2), Float32Array.of(-3, 1));
    expect(rangeOf(histogram, { method: "minmax" })).toEqual({ min: -3, max: 2 });
    expect(rangeOf(histogram, { method: "mean-minmax" })).toEqual({ min: -2, max: 1.5 });
  });
});

describe("percentile", () => {
  it.each(seeds)("cuts where sorting cuts, within a bin (seed %d)", (seed) => {
    const values = gaussian(20_000, seed);
    const histogram = filled(values);
    const bin = histogram.limit / 1024;
    const below = (limit: number): number => values.filter((value) => value < limit).length;
    for (const percentile of [90, 99, 99.9]) {
      const { min, max } = rangeOf(histogram, { method: "percentile", percentile });
      const cut = ((100 - percentile) / 200) * values.length;
      for (const [limit, wanted] of [[min, cut] as const, [max, values.length - cut] as const]) {
        expect(below(limit - bin)).toBeLessThanOrEqual(wanted);
        expect(below(limit + bin)).toBeGreaterThanOrEqual(wanted);
      }
    }
  });

  it("cuts by magnitude when symmetric", () => {
    const values = Float32Array.from({ length: 10_001 }, (_, i) => i / 2000 - 2.5);
    const { min, max } = rangeOf(filled(values), { method: "percentile", percentile: 80, symmetric: true });
    expect(max).toBeCloseTo(2, 2);
    expect(min).toBe(-max);
  });
});

describe("entropy", () => {
  it("keeps a uniform distribution whole and clips far outliers", () => {
    const uniform = Float32Array.from({ length: 40_000 }, (_, i) => i / 20_000 - 1);
    expect(rangeOf(filled(uniform), { method: "entropy" }).max).toBeGreaterThan(0.99);
    const outlier = filled(gaussian(40_000, 5), Float32Array.of(30));
    const { max } = rangeOf(outlier, { method: "entropy" });
    expect(max).toBeGreaterThan(2);
    expect(max).toBeLessThan(15);
  });

  it.each(seeds)("clips no more than 3 values in 10,000 (seed %d)", (seed) => {
    const values = gaussian(50_000, seed).map((x) => x ** 5);
    const histogram = filled(values);
    const { max } = rangeOf(histogram, { method: "entropy" });
    const bin = histogram.limit / 1024;
    const clipped = values.filter((value) => Math.abs(value) > max + bin).length;
    expect(clipped).toBeLessThanOrEqual(15);
    expect(clipped).toBeGreaterThan(0);
  });

  it.each(seeds)("is where the divergence, written out, is least of what it may clip (seed %d)", (seed) => {
    const histogram = filled(gaussian(10_000, seed).map((x) => x ** 3));
    const { min, max } = rangeOf(histogram, { method: "entropy" });
    const kept = Math.round((Math.max(-min, max) / histogram.limit) * 1024);
    const least = writtenOut(histogram.counts, kept);
    const bins = magnitudesOf(histogram.counts);
    const inside = (n: number): number => bins.slice(0, n).reduce((sum, count) => sum + count, 0);
    for (let other = 256; other <= 1024; other += 48) {
      if (inside(other) < 0.9997 * inside(1024)) continue;
      expect(writtenOut(histogram.counts, other)).toBeGreaterThanOrEqual(least - 1e-9);
    }
  });
});

/** The bin of zeros counts as its neighbour does. */
function magnitudesOf(counts: Float64Array): number[] {
  const at = (_: unknown, i: number): number => (counts[1024 + i] ?? 0) + (counts[1023 - i] ?? 0);
  const magnitudes = Array.from({ length: 1024 }, at);
  magnitudes[0] = Math.min(magnitudes[0] ?? 0, magnitudes[1] ?? 0);
  return magnitudes;
}

/** KL(p‖q) of the first `kept` magnitudes, with p and q as arrays. */
function writtenOut(counts: Float64Array, kept: number): number {
  const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0);
  const magnitudes = magnitudesOf(counts);
  const p = magnitudes.slice(0, kept);
  const starts = Array.from({ length: 257 }, (_, level) => Math.floor((level * kept) / 256));
  const q = p.map((_, i) => {
    const level = starts.findLastIndex((start) => start <= i);
    const members = p.slice(starts[level], starts[level + 1]).filter((count) => count > 0);
    return members.length > 0 ? sum(members) / members.length : 1e-4;
  });
  const inside = sum(p);
  p[kept - 1] = (p[kept - 1] ?? 0) + sum(magnitudes.slice(kept));
  const total = sum(p);
  return sum(p.map((n, i) => (n > 0 ? (n / total) * Math.log(n / total / ((q[i] ?? 0) / inside)) : 0)));
}

describe("mse", () => {
  it.each(seeds)("errs hardly more than the best of 100 clips of the values themselves (seed %d)", (seed) => {
    const gauss = gaussian(20_000, seed);
    for (const values of [gauss, relu(gauss), gauss.map((x) => x ** 3)]) {
      const range = rangeOf(filled(values), { method: "mse", steps: 255 });
      const whole = filled(values);
      const tried = Array.from({ length: 100 }, (_, i) => (i + 1) / 100).map((f) =>
        squareError(values, { min: Math.min(0, whole.min * f), max: whole.max * f }),
      );
      expect(squareError(values, range)).toBeLessThan(1.05 * Math.min(...tried));
    }
  });

  it("clips more with fewer steps", () => {
    const histogram = filled(gaussian(20_000, 7));
    const max = [255, 15, 3].map((steps) => rangeOf(histogram, { method: "mse", steps }).max);
    expect(max).toEqual(max.toSorted((a, b) => b - a));
    expect(max[2]).toBeLessThan((max[0] ?? 0) / 1.5);
  });
});

function squareError(values: Float32Array, range: { min: number; max: number }): number {
  const affine = affineOf(range, "uint8");
  return values.reduce((sum, value) => {
    const back = (codeOf(value, affine, "uint8") - affine.zeroPoint) * affine.scale;
    return sum + (value - back) ** 2;
  }, 0);
}
