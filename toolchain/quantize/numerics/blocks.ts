import { clamp } from "./rounding.ts";
import { TINY } from "./scale.ts";

/** N output columns of K inputs each, row-major [N][K]: a MatMul's weight [K, N] transposed. */
export interface Rows {
  values: Float32Array;
  n: number;
  k: number;
}

export interface BlockFormat {
  bits: 2 | 3 | 4 | 8;
  /** Values that share a scale, along K; the last block of a row may be shorter. */
  blockSize: number;
  /** Symmetric blocks have zero point 2^(bits−1). */
  symmetric: boolean;
}

/** value = (code − zeroPoint) · scale of its block; scales and zero points are [N][ceil(K / blockSize)]. */
export interface Blocks extends BlockFormat {
  n: number;
  k: number;
  /** One a value, [N][K], 0…2^bits − 1. */
  codes: Uint8Array;
  scales: Float32Array;
  zeroPoints: Uint8Array;
}

/** Round to nearest: each block's codes span exactly its values and 0. */
export function quantizeBlocks({ values, n, k }: Rows, format: BlockFormat): Blocks {
  const blocks = emptyBlocks(n, k, format);
  const perRow = Math.ceil(k / format.blockSize);
  for (let row = 0; row < n; row++) {
    for (let block = 0; block < perRow; block++) {
      const from = row * k + block * format.blockSize;
      const to = Math.min(from + format.blockSize, (row + 1) * k);
      const at = row * perRow + block;
      fitBlock(blocks, at, values.subarray(from, to));
      for (let i = from; i < to; i++) blocks.codes[i] = blockCode(blocks, at, values[i] ?? 0);
    }
  }
  return blocks;
}

/** The weights that the codes stand for, [N][K]. */
export function dequantizeBlocks({ codes, n, k, blockSize, scales, zeroPoints }: Blocks): Float32Array {
  const perRow = Math.ceil(k / blockSize);
  const values = new Float32Array(n * k);
  for (let i = 0; i < values.length; i++) {
    const at = Math.floor(i / k) * perRow + Math.floor((i % k) / blockSize);
    values[i] = ((codes[i] ?? 0) - (zeroPoints[at] ?? 0)) * (scales[at] ?? 0);
  }
  return values;
}

export function emptyBlocks(n: number, k: number, format: BlockFormat): Blocks {
  const count = n * Math.ceil(k / format.blockSize);
  const zeroPoints = new Uint8Array(count).fill(2 ** (format.bits - 1));
  return { ...format, n, k, codes: new Uint8Array(n * k), scales: new Float32Array(count), zeroPoints };
}

/**
 * Sets scale and zero point of block `at` for `values`. A symmetric block's scale has the sign that gives its largest
 * magnitude the code 0, because there is one more code below the zero point than above; as MatMulNBits' own
 * quantizer in ONNX Runtime does.
 */
export function fitBlock(blocks: Blocks, at: number, values: Float32Array): void {
  const high = 2 ** blocks.bits - 1;
  let min = 0;
  let max = 0;
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const widest = Math.fround(
    blocks.symmetric ? signedAbsMax(min, max) / -((high + 1) / 2) : (max - min) / high,
  );
  const isDead = Math.abs(widest) < TINY;
  blocks.scales[at] = isDead ? 0 : widest;
  if (!blocks.symmetric) blocks.zeroPoints[at] = isDead ? 0 : clamp(Math.round(-min / widest), 0, high);
}

/** The code of `value` in block `at`; a half is rounded up, as ONNX Runtime does in blocks and nowhere else. */
export function blockCode({ bits, scales, zeroPoints }: Blocks, at: number, value: number): number {
  const scale = scales[at] ?? 0;
  const steps = scale === 0 ? 0 : Math.fround(value * Math.fround(1 / scale));
  return clamp(Math.round(Math.fround(steps + (zeroPoints[at] ?? 0))), 0, 2 ** bits - 1);
}

const signedAbsMax = (min: number, max: number): number => (-min >= max ? min : max);
