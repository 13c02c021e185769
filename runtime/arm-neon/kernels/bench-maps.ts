import type { Quantization } from "../kernels.ts";

/** Scores that are low but for one in 641. */
export const spotted = (length: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => (i % 641 === 0 ? 0.9 : (i % 13) / 100));

/** Of scores up to 1. */
export const BYTES: Quantization = { scale: 1 / 200, zeroPoint: -100 };
export const bytesOf = (scores: Float32Array): Int8Array => Int8Array.from(scores, (v) => v * 200 - 100);
