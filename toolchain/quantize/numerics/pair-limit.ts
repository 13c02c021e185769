import { runsOf, type Weights } from "./channels.ts";

/** 255 · 128 still fits into 16 bits; the rounding of two codes can add 1. */
const PAIR_SUM_MAX = 127;

/**
 * `scales`, raised where two neighbours of a channel could overflow. x86-64 with AVX2 and no VNNI multiplies u8 by s8
 * with VPMADDUBSW, which adds each product to its neighbour's in 16 bits and saturates: two weights of one sign whose
 * codes sum to more than 128 can lose everything. Halving all codes (`reduceRange`) prevents that and costs a bit
 * everywhere; neighbours that are both large are rare, so this costs next to nothing.
 */
export function scalesForPairs(weights: Weights, scales: Float32Array): Float32Array {
  const peaks = pairPeaks(weights, scales.length);
  return scales.map((scale, channel) => Math.max(scale, (peaks[channel] ?? 0) / PAIR_SUM_MAX));
}

/** The largest |a + b| of neighbours with one sign, for each channel. */
function pairPeaks(weights: Weights, channels: number): Float64Array {
  const peaks = new Float64Array(channels);
  const order = sumOrder(weights);
  for (let channel = 0; channel < channels; channel++) {
    for (let k = 0; k + 1 < order.length; k += 2) {
      const a = weights.values[order.at(channel, k)] ?? 0;
      const b = weights.values[order.at(channel, k + 1)] ?? 0;
      if (a * b > 0) peaks[channel] = Math.max(peaks[channel] ?? 0, Math.abs(a + b));
    }
  }
  return peaks;
}

/**
 * Where the k-th weight of a channel stands. ONNX Runtime's integer convolution sums over input channels first and
 * kernel positions then (its weights lie [O, I, …]), a matrix product down a column.
 */
function sumOrder({ dims, axis, values }: Weights): {
  length: number;
  at: (channel: number, k: number) => number;
} {
  const { channels, inner } = runsOf({ dims, axis });
  const length = values.length / channels;
  if (axis !== 0 || dims.length < 3) {
    const isRow = axis === 0;
    return { length, at: (channel, k) => (isRow ? channel * length + k : k * inner * channels + channel) };
  }
  const [, inputs = 1] = dims;
  const positions = inner / inputs;
  return {
    length,
    at: (channel, k) => channel * inner + (k % inputs) * positions + Math.floor(k / inputs),
  };
}
