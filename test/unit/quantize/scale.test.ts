import { describe, expect, it } from "vitest";
import { quantizeBias, scalesForBias } from "../../../toolchain/quantize/numerics/bias.ts";
import {
  channelScales,
  dequantizeChannels,
  quantizeChannels,
} from "../../../toolchain/quantize/numerics/channels.ts";
import { roundHalfEven } from "../../../toolchain/quantize/numerics/rounding.ts";
import { affineOf, codeOf } from "../../../toolchain/quantize/numerics/scale.ts";
import { gaussian, seeds } from "./values.ts";

const f = Math.fround;

describe("roundHalfEven", () => {
  it.each([
    [0.5, 0],
    [1.5, 2],
    [2.5, 2],
    [-0.5, 0],
    [-1.5, -2],
    [-2.5, -2],
    [2.4999, 2],
    [-2.5001, -3],
  ])("%d → %d", (value, rounded) => expect(roundHalfEven(value)).toBe(rounded));
});

describe("affineOf", () => {
  it.each([
    [{ min: -1, max: 1 }, "uint8", false, f(2 / 255), 128],
    [{ min: -1, max: 3 }, "uint8", false, f(4 / 255), 64],
    [{ min: -1, max: 3 }, "int8", false, f(4 / 255), -64],
    [{ min: 1, max: 3 }, "uint8", false, f(3 / 255), 0],
    [{ min: -3, max: -1 }, "uint8", false, f(3 / 255), 255],
    [{ min: -1, max: 3 }, "int8", true, f(6 / 254), 0],
    [{ min: -1, max: 3 }, "uint8", true, f(6 / 255), 128],
    [{ min: 0, max: 0 }, "uint8", false, 1, 0],
    [{ min: 0, max: 1e-37 }, "int8", false, 1, 0],
  ] as const)("%j as %s, symmetric %s", (range, type, symmetric, scale, zeroPoint) => {
    expect(affineOf(range, type, symmetric)).toEqual({ scale, zeroPoint });
  });

  it.each(seeds)("gives 0 its exact code and every value in range one within a step (seed %d)", (seed) => {
    const ends = gaussian(400, seed, 5);
    for (let i = 0; i < 400; i += 2) {
      const [a = 0, b = 0] = ends.subarray(i, i + 2);
      const range = { min: Math.min(a, b, 0), max: Math.max(a, b, 0) };
      for (const type of ["uint8", "int8"] as const) {
        const affine = affineOf(range, type);
        expect(codeOf(0, affine, type)).toBe(affine.zeroPoint);
        const back = (value: number) => (codeOf(value, affine, type) - affine.zeroPoint) * affine.scale;
        for (const value of [range.min, range.max, (range.min + range.max) / 3]) {
          expect(Math.abs(back(value) - value)).toBeLessThanOrEqual(affine.scale * 1.01);
        }
      }
    }
  });
});

describe("channels", () => {
  const weights = { values: Float32Array.of(1, -2, 0.5, 0, 0, 0, 3, 1.5, -3), dims: [3, 3], axis: 0 };

  it("has a scale for each, 1 for zeros, along any axis", () => {
    expect(channelScales(weights)).toEqual(Float32Array.of(4 / 254, 1, 6 / 254));
    expect(channelScales(weights, { reduceRange: true })).toEqual(Float32Array.of(4 / 128, 1, 6 / 128));
    expect(channelScales({ ...weights, axis: 1 })).toEqual(Float32Array.of(6 / 254, 4 / 254, 6 / 254));
    expect([...quantizeChannels(weights, channelScales(weights))]).toEqual([
      64, -127, 32, 0, 0, 0, 127, 64, -127,
    ]);
  });

  it.each(seeds)("comes back within half a step, whatever the axis (seed %d)", (seed) => {
    const values = gaussian(4 * 6 * 3 * 2, seed);
    for (const axis of [0, 1, 2, 3]) {
      const layout = { dims: [4, 6, 3, 2], axis };
      const scales = channelScales({ values, ...layout });
      expect(scales).toHaveLength(layout.dims[axis] ?? 0);
      const back = dequantizeChannels(quantizeChannels({ values, ...layout }, scales), layout, scales);
      const step = Math.max(...scales);
      expect(back.every((value, i) => Math.abs(value - (values[i] ?? 0)) <= step * 0.5001)).toBe(true);
    }
  });

  it.each(seeds)("clips when that errs less, never when it errs more (seed %d)", (seed) => {
    const values = gaussian(2 * 500, seed).map((value, i) => (i === 700 ? 5 : value / 20));
    const layout = { dims: [2, 500], axis: 0 };
    const plain = channelScales({ values, ...layout });
    const clipped = channelScales({ values, ...layout }, { leastError: true });
    const errors = [plain, clipped].map((scales) => {
      const back = dequantizeChannels(quantizeChannels({ values, ...layout }, scales), layout, scales);
      return back.reduce((sum, value, i) => sum + (value - (values[i] ?? 0)) ** 2, 0);
    });
    expect(errors[1]).toBeLessThanOrEqual((errors[0] ?? 0) * 1.000001);
    expect(clipped[0]).toBeLessThanOrEqual(plain[0] ?? 0);
  });
});

describe("bias", () => {
  it("has the product's scale and rounds half to even", () => {
    const { codes, scales } = quantizeBias(Float32Array.of(1, -0.75, 0), 0.5, Float32Array.of(1, 1, 0.25));
    expect([...scales]).toEqual([0.5, 0.5, 0.125]);
    expect([...codes]).toEqual([2, -2, 0]);
  });

  it("clamps what leaves int32, unless the weights' scales were raised for it", () => {
    const bias = Float32Array.of(7, -7, 0.001, 0);
    const tiny = new Float32Array(4).fill(1e-12);
    expect([...quantizeBias(bias, 0.01, tiny).codes.subarray(0, 2)]).toEqual([2 ** 31 - 1, -(2 ** 31)]);
    const raised = scalesForBias(bias, 0.01, tiny);
    expect(raised[3]).toBe(tiny[3]);
    const { codes, scales } = quantizeBias(bias, 0.01, raised);
    for (const [i, code] of codes.entries()) {
      expect(Math.abs(code)).toBeLessThan(2 ** 31 - 1);
      expect(code * (scales[i] ?? 0)).toBeCloseTo(bias[i] ?? 0, 6);
    }
  });

  it("leaves ordinary scales alone", () => {
    const scales = Float32Array.of(0.01, 0.002);
    expect(scalesForBias(Float32Array.of(3, -100), 0.02, scales)).toEqual(scales);
  });
});
