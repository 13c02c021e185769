import type { Binned, Range } from "./binned.ts";

const QUANTIZED_BINS = 128;

/**
 * The range, symmetric about 0, whose 128-level version is closest to the distribution: least Kullback–Leibler
 * divergence over all clip limits, values beyond a limit counted at its end (Migacz, "8-bit inference with
 * TensorRT", GTC 2017). Limits are one bin apart. Needs more than 128 bins to have a choice at all.
 */
export function entropyRange({ counts, limit }: Binned): Range {
  const sums = prefixSums(counts);
  const half = counts.length / 2;
  let best = { bins: half, divergence: Number.POSITIVE_INFINITY };
  for (let bins = Math.min(QUANTIZED_BINS / 2, half); bins <= half; bins++) {
    const divergence = divergenceOf(counts, sums, half - bins, half + bins);
    if (divergence <= best.divergence) best = { bins, divergence };
  }
  const max = (best.bins / half) * limit;
  return { min: -max, max };
}

/** Entry i: of the bins before i. */
interface Sums {
  counts: Float64Array;
  /** Σ n·ln n */
  entropy: Float64Array;
  occupied: Float64Array;
}

function prefixSums(counts: ArrayLike<number>): Sums {
  const sums = {
    counts: new Float64Array(counts.length + 1),
    entropy: new Float64Array(counts.length + 1),
    occupied: new Float64Array(counts.length + 1),
  };
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i] ?? 0;
    sums.counts[i + 1] = (sums.counts[i] ?? 0) + count;
    sums.entropy[i + 1] = (sums.entropy[i] ?? 0) + nLogN(count);
    sums.occupied[i + 1] = (sums.occupied[i] ?? 0) + (count > 0 ? 1 : 0);
  }
  return sums;
}

/**
 * KL(p‖q) when from…to is kept: p the bins with the tails on its ends, q each group's mean over its occupied bins.
 * Within a group q is constant, so that Σ p·ln q needs the group's sums only.
 */
function divergenceOf(counts: ArrayLike<number>, sums: Sums, from: number, to: number): number {
  const total = at(sums.counts, counts.length);
  const left = at(sums.counts, from);
  const right = total - at(sums.counts, to);
  const kept = total - left - right;
  if (kept === 0) return Number.POSITIVE_INFINITY;
  const first = counts[from] ?? 0;
  const last = counts[to - 1] ?? 0;
  let pLogP = between(sums.entropy, from, to);
  pLogP += nLogN(first + left) - nLogN(first) + nLogN(last + right) - nLogN(last);
  const pLogQ = crossEntropy(sums, from, to) + left * lnMean(sums, from, to, 0);
  const whole = pLogQ + right * lnMean(sums, from, to, QUANTIZED_BINS - 1);
  return (pLogP - whole) / total - Math.log(total) + Math.log(kept);
}

/** Σ p·ln q over the groups, tails left out. */
function crossEntropy(sums: Sums, from: number, to: number): number {
  let sum = 0;
  let start = from;
  for (let group = 0; group < QUANTIZED_BINS; group++) {
    const end = endOf(from, to, group);
    const count = at(sums.counts, end) - at(sums.counts, start);
    if (count > 0) sum += count * Math.log(count / (at(sums.occupied, end) - at(sums.occupied, start)));
    start = end;
  }
  return sum;
}

/** ln q in a group. A tail that falls on an empty group is as unlikely as a ten-thousandth of one value. */
function lnMean(sums: Sums, from: number, to: number, group: number): number {
  const start = group === 0 ? from : endOf(from, to, group - 1);
  const end = endOf(from, to, group);
  const count = between(sums.counts, start, end);
  return Math.log(count > 0 ? count / between(sums.occupied, start, end) : 1e-4);
}

const endOf = (from: number, to: number, group: number): number =>
  from + Math.floor(((to - from) * (group + 1)) / QUANTIZED_BINS);
const at = (values: Float64Array, index: number): number => values[index] ?? 0;
const between = (values: Float64Array, from: number, to: number): number => at(values, to) - at(values, from);
const nLogN = (n: number): number => (n > 0 ? n * Math.log(n) : 0);
