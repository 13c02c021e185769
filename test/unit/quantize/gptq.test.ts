import { describe, expect, it } from "vitest";
import { sqnrDb } from "../../../toolchain/quantize/compare.ts";
import {
  type BlockFormat,
  dequantizeBlocks,
  quantizeBlocks,
} from "../../../toolchain/quantize/numerics/blocks.ts";
import { gptq } from "../../../toolchain/quantize/numerics/gptq.ts";
import { Hessian, inverseFactor } from "../../../toolchain/quantize/numerics/hessian.ts";
import { gaussian, seeds } from "./values.ts";

/** Inputs as a layer has them: K channels that mix K / 8 causes, with a little noise of their own. */
function correlated(rows: number, k: number, seed: number): Float32Array {
  const causes = k / 8;
  const mix = gaussian(causes * k, seed);
  const strength = gaussian(rows * causes, seed + 1);
  const noise = gaussian(rows * k, seed + 2, 0.3);
  return noise.map((value, i) => {
    const row = Math.floor(i / k);
    let sum = value;
    for (let c = 0; c < causes; c++) sum += (strength[row * causes + c] ?? 0) * (mix[c * k + (i % k)] ?? 0);
    return sum;
  });
}

/** inputs [rows][K] · weightsᵀ, weights [N][K] */
function product(inputs: Float32Array, weights: Float32Array, k: number): Float32Array {
  const n = weights.length / k;
  return Float32Array.from({ length: (inputs.length / k) * n }, (_, at) => {
    const row = Math.floor(at / n) * k;
    let sum = 0;
    for (let i = 0; i < k; i++) sum += (inputs[row + i] ?? 0) * (weights[(at % n) * k + i] ?? 0);
    return sum;
  });
}

const hessianOf = (inputs: Float32Array, k: number): Hessian => {
  const hessian = new Hessian(k);
  hessian.add(inputs);
  return hessian;
};

describe("gptq", () => {
  const [n, k] = [24, 160];
  it.each(seeds)("gives 4 dB over rounding to nearest, on inputs it has not seen (seed %d)", (seed) => {
    const weights = gaussian(n * k, seed + 9);
    const inputs = correlated(600, k, seed);
    const [seen, unseen] = [inputs.subarray(0, 500 * k), inputs.subarray(500 * k)];
    const exact = product(unseen, weights, k);
    for (const bits of [3, 4, 8] as const) {
      const format: BlockFormat = { bits, blockSize: 32, symmetric: false };
      const rows = { values: weights, n, k };
      const [nearest, adapted] = [quantizeBlocks(rows, format), gptq(rows, hessianOf(seen, k), format)].map(
        (blocks) => sqnrDb(exact, product(unseen, dequantizeBlocks(blocks), k)),
      );
      expect(adapted).toBeGreaterThan((nearest ?? 0) + 4);
    }
  });

  it.each([16, 128, 160])(
    "is rounding to nearest when inputs know nothing of each other, block %d",
    (blockSize) => {
      const identity = Float32Array.from({ length: k * k }, (_, i) => (i % (k + 1) === 0 ? 1 : 0));
      const rows = { values: gaussian(n * k, 4), n, k };
      for (const symmetric of [true, false]) {
        const format: BlockFormat = { bits: 4, blockSize, symmetric };
        expect(gptq(rows, hessianOf(identity, k), format)).toEqual(quantizeBlocks(rows, format));
      }
    },
  );

  it("takes inputs that are always 0, and fewer rows than columns", () => {
    const inputs = correlated(8, k, 1).map((value, i) => (i % k < 5 ? 0 : value));
    const blocks = gptq({ values: gaussian(n * k, 2), n, k }, hessianOf(inputs, k), {
      ...{ bits: 4, blockSize: 32, symmetric: true },
    });
    expect(dequantizeBlocks(blocks).every(Number.isFinite)).toBe(true);
  });
});

describe("Hessian", () => {
  it.each(seeds)("has an inverse factor U with UᵀU · H = 1 (seed %d)", (seed) => {
    const k = 24;
    const hessian = hessianOf(correlated(100, k, seed), k);
    const factor = inverseFactor(hessian, 0);
    const at = (i: number, j: number): number => hessian.sums[Math.min(i, j) * k + Math.max(i, j)] ?? 0;
    const inverse = (i: number, j: number): number => {
      let sum = 0;
      for (let r = 0; r < k; r++) sum += (factor[r * k + i] ?? 0) * (factor[r * k + j] ?? 0);
      return sum;
    };
    for (let i = 0; i < k; i++) {
      for (let j = 0; j < k; j++) {
        let sum = 0;
        for (let r = 0; r < k; r++) sum += inverse(i, r) * at(r, j);
        expect(sum).toBeCloseTo(i === j ? 1 : 0, 6);
        if (j < i) expect(factor[i * k + j]).toBe(0);
      }
    }
  });

  it("adds up over images, and refuses NaN whole", () => {
    const inputs = correlated(10, 16, 3);
    const hessian = hessianOf(inputs.subarray(0, 64), 16);
    const nan = () => hessian.add(Float32Array.from({ length: 32 }, (_, i) => (i === 31 ? Number.NaN : 1)));
    expect(nan).toThrow(expect.objectContaining({ code: "ERR_QUANTIZE_RANGE" }));
    hessian.add(inputs.subarray(64));
    expect(hessian).toEqual(hessianOf(inputs, 16));
  });

  it("says when there is no inverse", () => {
    const hessian = new Hessian(2);
    hessian.sums.set([1e300, -1e308, 0, 1]);
    const inverse = () => inverseFactor(hessian, 0.01);
    expect(inverse).toThrow(expect.objectContaining({ code: "ERR_QUANTIZE_RANGE" }));
  });
});
