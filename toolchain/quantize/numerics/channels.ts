import { clamp, roundHalfEven } from "./rounding.ts";
import { TINY } from "./scale.ts";

/** A tensor's sides, row-major, with the axis that counts its output channels (0 or more). */
export interface Layout {
  dims: readonly number[];
  axis: number;
}

export interface Weights extends Layout {
  values: Float32Array;
}

export interface ScaleOptions {
  /** 7 bits (−64…64): for CPUs whose 16-bit sums of u8·s8 products overflow (x86-64 with AVX2 and no VNNI). */
  reduceRange?: boolean;
  /** Take the scale with the least square error, rounding and clipping together; else nothing is clipped. */
  leastError?: boolean;
}

/**
 * A scale for each output channel, for symmetric int8 codes −127…127 (−64…64 if reduced); 1 for a channel of zeros,
 * as ONNX Runtime's quantizer has it.
 */
export function channelScales(weights: Weights, options: ScaleOptions = {}): Float32Array {
  const high = options.reduceRange ? 64 : 127;
  return Float32Array.from(channelsOf(weights), (channel) => {
    const widest = Math.fround(2 * absMax(channel)) / (2 * high);
    if (widest < TINY) return 1;
    return options.leastError ? leastErrorScale(channel, widest, high) : widest;
  });
}

/** The codes under `scales`, one a channel: rounded half to even in float32, clamped to −128…127. */
export function quantizeChannels(weights: Weights, scales: Float32Array): Int8Array {
  const { values } = weights;
  const { channels, inner } = runsOf(weights);
  return Int8Array.from(values, (value, i) => {
    const scale = scales[Math.floor(i / inner) % channels] ?? 1;
    return clamp(roundHalfEven(Math.fround(value / scale)), -128, 127);
  });
}

/** What the codes stand for. */
export function dequantizeChannels(codes: Int8Array, layout: Layout, scales: Float32Array): Float32Array {
  const { channels, inner } = runsOf(layout);
  return Float32Array.from(codes, (code, i) => code * (scales[Math.floor(i / inner) % channels] ?? 1));
}

/** How the values lie: `channels` runs of `inner` values, repeated. */
export function runsOf({ dims, axis }: Layout): { channels: number; inner: number } {
  const inner = dims.slice(axis + 1).reduce((product, side) => product * side, 1);
  return { channels: dims[axis] ?? 1, inner };
}

/** The values of each channel, copied. */
function channelsOf(weights: Weights): Float32Array[] {
  const { values } = weights;
  const { channels, inner } = runsOf(weights);
  const repeats = values.length / (channels * inner);
  return Array.from({ length: channels }, (_, channel) => {
    const own = new Float32Array(repeats * inner);
    for (let r = 0; r < repeats; r++) {
      const from = (r * channels + channel) * inner;
      own.set(values.subarray(from, from + inner), r * inner);
    }
    return own;
  });
}

/** Clipping beyond half of the largest weight has never paid at 8 bits; 1 % steps find the flat minimum. */
const CLIP_STEPS = 50;

function leastErrorScale(channel: Float32Array, widest: number, high: number): number {
  let best = { scale: widest, error: squareError(channel, widest, high) };
  for (let step = 1; step <= CLIP_STEPS; step++) {
    const scale = widest * (1 - step / 100);
    const error = squareError(channel, scale, high);
    if (error < best.error) best = { scale, error };
  }
  return best.scale;
}

function squareError(channel: Float32Array, scale: number, high: number): number {
  let error = 0;
  for (const value of channel) {
    error += (value - clamp(roundHalfEven(value / scale), -high, high) * scale) ** 2;
  }
  return error;
}

function absMax(values: Float32Array): number {
  let max = 0;
  for (const value of values) max = Math.max(max, Math.abs(value));
  return max;
}
