import type { QuantizeOptions } from "../../kernels.ts";

/** What the kernels do, as plain loops: the other side of the bench, and oracles. */

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

export function toFloat16(values: Float32Array, halves: Uint16Array): void {
  for (let i = 0; i < values.length; i++) halves[i] = halfOf(values[i] as number);
}

function halfOf(value: number): number {
  float[0] = value;
  const whole = bits[0] as number;
  const sign = (whole >>> 16) & 0x8000;
  const size = whole & 0x7fffffff;
  if (size > 0x7f800000) return sign | 0x7e00 | ((size >> 13) & 0x3ff);
  if (size >= 0x477ff000) return sign | 0x7c00;
  if (size < 0x38800000) return sign | roundHalfToEven(Math.abs(value) * 2 ** 24);
  return sign | ((size + 0xfff + ((size >> 13) & 1) - (112 << 23)) >> 13);
}

export function toFloat32(halves: Uint16Array, values: Float32Array): void {
  for (let i = 0; i < halves.length; i++) values[i] = floatOf(halves[i] as number);
}

export function floatOf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

type Steps = Int8Array | Uint8Array;

/** Division in double precision, then float32, is float32's division. */
export function quantize(
  values: Float32Array,
  { inner = 1, scales, zeroPoints }: QuantizeOptions,
  steps: Steps,
): void {
  const low = steps instanceof Int8Array ? -128 : 0;
  for (let i = 0; i < values.length; i++) {
    const channel = Math.floor(i / inner) % scales.length;
    const place = Math.fround((values[i] as number) / Math.fround(scales[channel] as number));
    const step = (Number.isNaN(place) ? 0 : roundHalfToEven(place)) + (zeroPoints[channel] as number);
    steps[i] = Math.min(Math.max(step, low), low + 255);
  }
}

export function dequantize(
  steps: Steps,
  { inner = 1, scales, zeroPoints }: QuantizeOptions,
  values: Float32Array,
): void {
  for (let i = 0; i < steps.length; i++) {
    const channel = Math.floor(i / inner) % scales.length;
    values[i] =
      ((steps[i] as number) - (zeroPoints[channel] as number)) * Math.fround(scales[channel] as number);
  }
}

function roundHalfToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
