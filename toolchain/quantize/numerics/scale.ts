import type { Range } from "../calibrate/binned.ts";
import { clamp, roundHalfEven } from "./rounding.ts";

/** value = (code − zeroPoint) · scale; `scale` is a float32 above 0. */
export interface Affine {
  scale: number;
  zeroPoint: number;
}

export type CodeType = "uint8" | "int8";

/** Smallest normal float32: ranges with smaller steps count as empty. */
export const TINY = 2 ** -126;

/**
 * Scale and zero point of an activation, equal to those of ONNX Runtime's quantizer (`compute_scale_zp` in
 * onnxruntime/quantization/quant_utils.py, 1.30): the range is widened to contain 0, its ends are float32; an empty
 * range has scale 1 and zero point 0. Symmetric int8 uses −127…127 with zero point 0, symmetric uint8 0…255 with 128.
 */
export function affineOf({ min, max }: Range, type: CodeType, symmetric = false): Affine {
  const { low, high } = codeRange(type, symmetric);
  const ends = { min: Math.fround(Math.min(min, 0)), max: Math.fround(Math.max(max, 0)) };
  if (symmetric) ends.max = Math.max(-ends.min, ends.max);
  if (symmetric) ends.min = -ends.max;
  const scale = Math.fround(ends.max - ends.min) / (high - low);
  if (scale < TINY) return { scale: 1, zeroPoint: 0 };
  const zeroPoint = symmetric ? (low + high) / 2 : low - ends.min / scale;
  return { scale: Math.fround(scale), zeroPoint: roundHalfEven(zeroPoint) };
}

/** The codes' lowest and highest value. */
export function codeRange(type: CodeType, symmetric = false): { low: number; high: number } {
  if (type === "uint8") return { low: 0, high: 255 };
  return { low: symmetric ? -127 : -128, high: 127 };
}

/** One value's code, as ONNX's QuantizeLinear gives it. */
export function codeOf(value: number, { scale, zeroPoint }: Affine, type: CodeType): number {
  const { low, high } = codeRange(type);
  return clamp(roundHalfEven(Math.fround(value / scale)) + zeroPoint, low, high);
}
