import { describe, expect, it } from "vitest";
import { boundedSqnrDb, sqnrDb, top1Agreement } from "../../../toolchain/quantize/compare.ts";
import { gaussian, seeds } from "./values.ts";

const f = (...values: number[]): Float32Array => Float32Array.of(...values);

describe("sqnrDb", () => {
  it("is 20·log₁₀ of signal over noise", () => {
    expect(sqnrDb(f(3, 4), f(3, 4.5))).toBeCloseTo(20, 6);
    expect(sqnrDb(f(1, 0), f(0, 0))).toBe(0);
    expect(sqnrDb(f(1, 2), f(1, 2))).toBe(Number.POSITIVE_INFINITY);
    expect(sqnrDb(f(0, 0), f(0, 1))).toBe(Number.NEGATIVE_INFINITY);
    expect(sqnrDb(f(1, 2), f(1))).toBeNaN();
  });

  it.each(seeds)("gains 20 dB when the noise is a tenth (seed %d)", (seed) => {
    const values = gaussian(999, seed);
    const noise = gaussian(999, seed + 1);
    const noisy = (spread: number) => values.map((value, i) => value + spread * (noise[i] ?? 0));
    expect(sqnrDb(values, noisy(0.01)) - sqnrDb(values, noisy(0.1))).toBeCloseTo(20, 2);
  });
});

describe("boundedSqnrDb", () => {
  it.each([
    ["equal ones", f(1, 2), f(1, 2), 120],
    ["all 0", f(0, 0), f(0, 1), 0],
    ["more noise than signal", f(1, 0), f(9, 9), 0],
    ["what lies between", f(3, 4), f(3, 4.5), 20],
    ["values that are missing", f(1, 2), f(1), Number.NaN],
  ])("%s", (_, expected, actual, db) => {
    const given = boundedSqnrDb(expected, actual);
    if (Number.isNaN(db)) expect(given).toBeNaN();
    else expect(given).toBeCloseTo(db, 6);
  });
});

describe("top1Agreement", () => {
  it("counts rows, the first of equals", () => {
    expect(top1Agreement(f(0, 1, 5, 2, 3, 3), f(4, 9, 1, 2, 7, 6), 2)).toBeCloseTo(2 / 3, 12);
  });
});
