import type { Binned, Range } from "../../toolchain/quantize/calibrate/binned.ts";

const QUANTIZED_BINS = 128;

/**
 * The range that ONNX Runtime's quantizer chooses from this histogram, for comparison only (`get_entropy_threshold`
 * in onnxruntime/quantization/calibrate.py, 1.30). It differs from `entropyRange` in that its slices have an odd
 * number of bins, the expanded counts are cut to whole numbers and also fill empty bins, bins left over at the right
 * end are not expanded at all, and everything is in float32. Slow: about 100 ms.
 */
export function entropyRangeCompat({ counts, limit }: Binned): Range {
  const bins = Float64Array.from(counts);
  const half = counts.length / 2;
  const edge = (index: number): number => -limit + (index / counts.length) * 2 * limit;
  let best = { divergence: Number.NaN, min: 0, max: 0 };
  for (let i = QUANTIZED_BINS / 2; i <= half; i++) {
    const from = half - i;
    const to = Math.min(half + i + 1, counts.length);
    const divergence = divergenceOf(bins, from, to);
    // As NumPy's argmin: the first of equals.
    if (!(divergence >= best.divergence)) best = { divergence, min: edge(from), max: edge(to) };
  }
  return { min: best.min, max: best.max };
}

function divergenceOf(counts: Float64Array, from: number, to: number): number {
  const slice = counts.subarray(from, to);
  const p = Float64Array.from(slice);
  p[0] = (p[0] ?? 0) + sum(counts.subarray(0, from));
  p[p.length - 1] = (p[p.length - 1] ?? 0) + sum(counts.subarray(to));
  const smoothP = smooth(p);
  const smoothQ = smooth(expanded(slice, p));
  return smoothP && smoothQ ? klDivergence(smoothP, smoothQ) : Number.POSITIVE_INFINITY;
}

function expanded(slice: Float64Array, p: Float64Array): Float64Array {
  const q = new Float64Array(p.length);
  const merged = Math.floor(slice.length / QUANTIZED_BINS);
  for (let group = 0; group < QUANTIZED_BINS; group++) {
    const start = group * merged;
    const end = start + merged;
    const occupied = merged - empties(p.subarray(start, end));
    const count = sum(slice.subarray(start, group === QUANTIZED_BINS - 1 ? slice.length : end));
    if (occupied > 0) q.fill(Math.trunc(count / occupied), start, end);
  }
  return q;
}

/** Gives empty bins 1e-4 and takes it from the others; undefined when all are empty. */
function smooth(values: Float64Array): Float32Array | undefined {
  const empty = empties(values);
  const occupied = values.length - empty;
  if (occupied === 0) return undefined;
  const taken = Math.fround((-1e-4 * empty) / occupied);
  const smoothed = Float32Array.from(values);
  for (let i = 0; i < smoothed.length; i++) {
    smoothed[i] = values[i] === 0 ? 1e-4 : (smoothed[i] as number) + taken;
  }
  return smoothed;
}

function klDivergence(p: Float32Array, q: Float32Array): number {
  const pSum = pairwiseSum(p);
  const qSum = pairwiseSum(q);
  const terms = new Float32Array(p.length);
  for (let i = 0; i < p.length; i++) {
    const share = Math.fround((p[i] as number) / pSum);
    const ratio = Math.fround(share / Math.fround((q[i] as number) / qSum));
    terms[i] = share * Math.fround(Math.log(ratio));
  }
  return pairwiseSum(terms);
}

/**
 * NumPy's order of adding float32 (eight strands a run of 128, halves above that): some limits are equally good but
 * for the last digits, and these decide.
 */
function pairwiseSum(values: Float32Array): number {
  if (values.length > 128) {
    const half = Math.floor(values.length / 16) * 8;
    return Math.fround(pairwiseSum(values.subarray(0, half)) + pairwiseSum(values.subarray(half)));
  }
  const strands = new Float32Array(8);
  const whole = values.length - (values.length % 8);
  for (let i = 0; i < whole; i++) strands[i % 8] = (strands[i % 8] as number) + (values[i] as number);
  for (let width = 1; width < 8; width *= 2) {
    for (let i = 0; i < 8; i += 2 * width) {
      strands[i] = (strands[i] as number) + (strands[i + width] as number);
    }
  }
  let total = strands[0] as number;
  for (let i = whole; i < values.length; i++) total = Math.fround(total + (values[i] as number));
  return total;
}

function sum(values: Float64Array): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i] as number;
  return total;
}

function empties(values: Float64Array): number {
  let count = 0;
  for (let i = 0; i < values.length; i++) if (values[i] === 0) count++;
  return count;
}
