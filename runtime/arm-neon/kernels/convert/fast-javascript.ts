import type { QuantizeOptions } from "../../kernels.ts";
import { floatOf } from "./javascript.ts";

const FLOATS = Float32Array.from({ length: 65_536 }, (_, half) => floatOf(half));

/** By the engine's own conversion. */
export function toFloat16(values: Float32Array, halves: Uint16Array): void {
  new Float16Array(halves.buffer, halves.byteOffset, halves.length).set(values);
}

export function toFloat32(halves: Uint16Array, values: Float32Array): void {
  for (let i = 0; i < halves.length; i++) values[i] = FLOATS[halves[i] as number] as number;
}

type Steps = Int8Array | Uint8Array;

/** Stretches of elements that share a channel: called with where one begins and ends. */
function eachRun(
  length: number,
  { inner = 1, scales }: QuantizeOptions,
  work: (from: number, to: number, channel: number) => void,
): void {
  const run = scales.length === 1 ? length : inner;
  for (let from = 0, channel = 0; from < length; from += run) {
    work(from, Math.min(from + run, length), channel);
    channel = channel + 1 === scales.length ? 0 : channel + 1;
  }
}

/** Multiplies where the exact one divides, and rounds halves up. */
export function quantize(values: Float32Array, options: QuantizeOptions, steps: Steps): void {
  const low = steps instanceof Int8Array ? -128 : 0;
  eachRun(values.length, options, (from, to, channel) => {
    const factor = 1 / (options.scales[channel] as number);
    const shift = (options.zeroPoints[channel] as number) - low;
    for (let i = from; i < to; i++) {
      const place = (values[i] as number) * factor + shift;
      steps[i] = place <= 0 ? low : place >= 255 ? low + 255 : ((place + 0.5) | 0) + low;
    }
  });
}

export function dequantize(steps: Steps, options: QuantizeOptions, values: Float32Array): void {
  eachRun(steps.length, options, (from, to, channel) => {
    const scale = options.scales[channel] as number;
    const zeroPoint = options.zeroPoints[channel] as number;
    for (let i = from; i < to; i++) values[i] = ((steps[i] as number) - zeroPoint) * scale;
  });
}
