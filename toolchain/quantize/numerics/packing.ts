import type { Blocks } from "./blocks.ts";

/** The inputs B, scales and zero_points of `com.microsoft::MatMulNBits` (its schema, ONNX Runtime 1.17 and later). */
export interface MatMulNBitsInputs {
  /** uint8 [N][ceil(K / blockSize)][blockSize · bits / 8], the first value in the lowest bits. */
  b: Uint8Array<ArrayBuffer>;
  /** float32 [N · ceil(K / blockSize)] */
  scales: Float32Array;
  /** uint8 [N][ceil(blocks a row · bits / 8)]; left out when symmetric: the operator's default is the middle. */
  zeroPoints?: Uint8Array<ArrayBuffer>;
}

/** `blocks` of 2, 4 or 8 bits, blockSize a power of 2 from 16; 3-bit codes have no such form: pack them as 4. */
export function matMulNBitsInputs(blocks: Blocks): MatMulNBitsInputs {
  const bits = blocks.bits === 3 ? 4 : blocks.bits;
  const { n, k, codes, blockSize, scales, zeroPoints } = blocks;
  const perRow = Math.ceil(k / blockSize);
  const b = packRows(codes, { rows: n, used: k, padded: perRow * blockSize }, bits);
  // What is left out would read as the middle of 4 bits, not of 3.
  if (blocks.symmetric && blocks.bits !== 3) return { b, scales };
  return { b, scales, zeroPoints: packRows(zeroPoints, { rows: n, used: perRow, padded: perRow }, bits) };
}

/**
 * Codes for an ONNX initializer of INT4, UINT4, INT2 or UINT2: row-major with no gap between rows, the first value in
 * the lowest bits; signed ones as two's complement (ONNX IR, "packed sub-byte types").
 */
export function packInitializer(codes: ArrayLike<number>, bits: 2 | 4): Uint8Array<ArrayBuffer> {
  return packRows(codes, { rows: 1, used: codes.length, padded: codes.length }, bits);
}

/** The first `length` codes of `packInitializer`. */
export function unpackInitializer(
  bytes: Uint8Array,
  length: number,
  bits: 2 | 4,
  isSigned: boolean,
): Int8Array<ArrayBuffer> {
  const perByte = 8 / bits;
  const mask = 2 ** bits - 1;
  return Int8Array.from({ length }, (_, i) => {
    const code = ((bytes[Math.floor(i / perByte)] ?? 0) >> ((i % perByte) * bits)) & mask;
    return isSigned && code >= 2 ** (bits - 1) ? code - 2 ** bits : code;
  });
}

/** Rows of `used` codes, each padded with 0 to `padded` codes and then to a whole byte. */
function packRows(
  codes: ArrayLike<number>,
  { rows, used, padded }: { rows: number; used: number; padded: number },
  bits: 2 | 4 | 8,
): Uint8Array<ArrayBuffer> {
  const perByte = 8 / bits;
  const rowBytes = Math.ceil(padded / perByte);
  const mask = 2 ** bits - 1;
  const packed = new Uint8Array(rows * rowBytes);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < used; i++) {
      const at = row * rowBytes + Math.floor(i / perByte);
      packed[at] = (packed[at] ?? 0) | (((codes[row * used + i] ?? 0) & mask) << ((i % perByte) * bits));
    }
  }
  return packed;
}
