import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type BlockFormat, quantizeBlocks } from "../../../toolchain/quantize/numerics/blocks.ts";
import { matMulNBitsInputs } from "../../../toolchain/quantize/numerics/packing.ts";

interface Golden extends BlockFormat {
  b: string;
  zeroPoints: string;
  scales: number[];
}

const FILE = join(import.meta.dirname, "../../fixtures/quantize/blocks.json");
const goldens: Golden[] = JSON.parse(readFileSync(FILE, "utf8"));

const [n, k] = [5, 72];
/** As `make_blocks` in make-golden.py. */
const values = Float32Array.from({ length: n * k }, (_, i) => {
  const value = (((i * 37 + ((i * i) % 101)) % 201) - 100) / 64;
  if (i >= 3 * k && i < 3 * k + 32) return 0;
  return i >= 4 * k ? Math.abs(value) : value;
});

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe.each(goldens)("ONNX Runtime's $bits bits, blocks of $blockSize, symmetric $symmetric", (golden) => {
  const inputs = matMulNBitsInputs(quantizeBlocks({ values, n, k }, golden));

  /** Zero points as numbers, without the padding at each row's end: ONNX Runtime has the middle there, not 0. */
  const rows = (bytes: Uint8Array): number[][] => {
    const perRow = Math.ceil(k / golden.blockSize);
    const rowBytes = bytes.length / n;
    return Array.from({ length: n }, (_, row) =>
      Array.from({ length: perRow }, (_, block) => {
        const bit = block * golden.bits;
        const byte = bytes[row * rowBytes + Math.floor(bit / 8)] ?? Number.NaN;
        return (byte >> (bit % 8)) & (2 ** golden.bits - 1);
      }),
    );
  };

  it("has the same scales", () => {
    expect(inputs.scales).toEqual(Float32Array.from(golden.scales, (scale) => scale + 0));
  });

  it("has the same zero points, or leaves them out", () => {
    if (golden.symmetric) return expect(inputs.zeroPoints).toBeUndefined();
    const expected = Buffer.from(golden.zeroPoints, "hex");
    expect(rows(inputs.zeroPoints ?? expected.subarray(0, 0))).toEqual(rows(expected));
  });

  it("has the same codes", () => {
    expect(hex(inputs.b)).toBe(golden.b);
  });
});
