import { describe, expect, it } from "vitest";
import {
  type BlockFormat,
  dequantizeBlocks,
  quantizeBlocks,
} from "../../../toolchain/quantize/numerics/blocks.ts";
import {
  matMulNBitsInputs,
  packInitializer,
  unpackInitializer,
} from "../../../toolchain/quantize/numerics/packing.ts";
import { randomFrom } from "../../fuzz/random.ts";
import { gaussian, seeds } from "./values.ts";

const FORMATS: BlockFormat[] = ([2, 3, 4, 8] as const).flatMap((bits) =>
  [16, 32, 128].flatMap((blockSize) => [true, false].map((symmetric) => ({ bits, blockSize, symmetric }))),
);

describe.each(FORMATS)("quantizeBlocks %j", (format) => {
  it.each(seeds)("errs by a step at most, 0 by nothing (seed %d)", (seed) => {
    const [n, k] = [5, 75];
    const values = gaussian(n * k, seed).map((value, i) => (i % 9 === 0 ? 0 : value));
    const blocks = quantizeBlocks({ values, n, k }, format);
    const back = dequantizeBlocks(blocks);
    const perRow = Math.ceil(k / format.blockSize);
    for (const [i, value] of values.entries()) {
      const at = Math.floor(i / k) * perRow + Math.floor((i % k) / format.blockSize);
      const step = Math.abs(blocks.scales[at] ?? 0);
      // Inside it is half a step; an end may be clipped, where a code is missing or the zero point was rounded.
      const allowed = 1.001;
      expect(Math.abs((back[i] ?? 0) - value)).toBeLessThanOrEqual(step * allowed);
      if (value === 0) expect(Math.abs(back[i] ?? 1)).toBe(0);
    }
  });

  it("holds blocks of zeros, of one sign and of tiny values", () => {
    const rows = [0, 3, -3, 1e-42].map((value) => new Float32Array(16).fill(value));
    const values = Float32Array.from(rows.flatMap((row) => [...row]));
    const back = dequantizeBlocks(quantizeBlocks({ values, n: 4, k: 16 }, format));
    const expected = values.map((value) => (Math.abs(value) < 1e-30 ? 0 : value));
    for (const [i, value] of expected.entries()) expect(back[i]).toBeCloseTo(value, 5);
  });
});

describe("matMulNBitsInputs", () => {
  it("puts even k in low bits, pads the last block, and packs zero points by row", () => {
    const values = Float32Array.from({ length: 2 * 18 }, (_, i) => (i % 18) - 3);
    const blocks = quantizeBlocks({ values, n: 2, k: 18 }, { bits: 4, blockSize: 16, symmetric: false });
    const { b, scales, zeroPoints } = matMulNBitsInputs(blocks);
    expect([b.length, scales.length, zeroPoints?.length]).toEqual([2 * 2 * 8, 4, 2]);
    expect(b[0]).toBe((blocks.codes[0] ?? 0) | ((blocks.codes[1] ?? 0) << 4));
    expect(b[8]).toBe((blocks.codes[16] ?? 0) | ((blocks.codes[17] ?? 0) << 4));
    expect([...b.subarray(9, 16)]).toEqual(new Array(7).fill(0));
    expect(zeroPoints?.[0]).toBe((blocks.zeroPoints[0] ?? 0) | ((blocks.zeroPoints[1] ?? 0) << 4));
  });

  it("leaves zero points out when symmetric, but for 3 bits in the place of 4", () => {
    const rows = { values: gaussian(32, 1), n: 1, k: 32 };
    const inputs = (bits: 3 | 4) =>
      matMulNBitsInputs(quantizeBlocks(rows, { bits, blockSize: 16, symmetric: true }));
    expect(inputs(4).zeroPoints).toBeUndefined();
    expect(inputs(3).zeroPoints).toEqual(Uint8Array.of(0x44));
  });
});

describe("packInitializer", () => {
  it("puts the first code in the lowest bits", () => {
    expect(packInitializer([1, -2, 7], 4)).toEqual(Uint8Array.of(0xe1, 0x07));
    expect(packInitializer([0, 1, 2, 3, 2], 2)).toEqual(Uint8Array.of(0b11_10_01_00, 2));
  });

  it.each(seeds)("comes back, signed and unsigned, whatever the length (seed %d)", (seed) => {
    const random = randomFrom(seed);
    for (const bits of [2, 4] as const) {
      for (let length = 0; length < 20; length++) {
        const unsigned = Array.from({ length }, () => Math.floor(random() * 2 ** bits));
        const signed = unsigned.map((code) => code - 2 ** (bits - 1));
        expect([...unpackInitializer(packInitializer(unsigned, bits), length, bits, false)]).toEqual(
          unsigned,
        );
        expect([...unpackInitializer(packInitializer(signed, bits), length, bits, true)]).toEqual(signed);
      }
    }
  });
});
