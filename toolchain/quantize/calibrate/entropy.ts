import { type Binned, magnitudes, type Range } from "./binned.ts";

/** As many as a ReLU's output has codes; with 128, as in the original, the zoo's detector loses 7 dB more. */
const LEVELS = 256;

/**
 * Of all values but zeros, what may be clipped. The divergence does not know how far a clipped value was from the limit: without
 * this bound it costs MobileNetV2 16 dB, the zoo's detector as many, SqueezeNet 14.
 */
const TAIL_MAX = 3e-4;

/**
 * The range ±max whose 256-level version is closest to the distribution of magnitudes: least Kullback–Leibler
 * divergence over all limits, values beyond a limit counted at its end (Migacz, "8-bit inference with TensorRT", GTC
 * 2017). The first bin counts as its neighbour does: it holds a ReLU's zeros, which have an exact code at any scale
 * but would outweigh everything else.
 */
export function entropyRange({ counts, limit }: Binned): Range {
  const bins = magnitudes(counts);
  bins[0] = Math.min(bins[0] ?? 0, bins[1] ?? 0);
  const sums = prefixSums(bins);
  let best = { kept: bins.length, divergence: Number.POSITIVE_INFINITY };
  const total = at(sums.counts, bins.length);
  for (let kept = Math.min(LEVELS, bins.length); kept <= bins.length; kept++) {
    if (total - at(sums.counts, kept) > TAIL_MAX * total) continue;
    const divergence = divergenceOf(bins, sums, kept);
    if (divergence <= best.divergence) best = { kept, divergence };
  }
  const max = (best.kept / bins.length) * limit;
  return { min: -max, max };
}

/** Entry i: of the bins before i. */
interface Sums {
  counts: Float64Array;
  /** Σ n·ln n */
  entropy: Float64Array;
  occupied: Float64Array;
}

function prefixSums(bins: Float64Array): Sums {
  const counts = new Float64Array(bins.length + 1);
  const entropy = new Float64Array(bins.length + 1);
  const occupied = new Float64Array(bins.length + 1);
  for (const [i, count] of bins.entries()) {
    counts[i + 1] = at(counts, i) + count;
    entropy[i + 1] = at(entropy, i) + nLogN(count);
    occupied[i + 1] = at(occupied, i) + (count > 0 ? 1 : 0);
  }
  return { counts, entropy, occupied };
}

/**
 * KL(p‖q) when the first `kept` bins are: p these bins with the tail on the last, q each level's mean over its
 * occupied bins. Within a level q is constant, so that Σ p·ln q needs the level's sums only.
 */
function divergenceOf(bins: Float64Array, sums: Sums, kept: number): number {
  const total = at(sums.counts, bins.length);
  const inside = at(sums.counts, kept);
  if (inside === 0) return Number.POSITIVE_INFINITY;
  const last = bins[kept - 1] ?? 0;
  const tail = total - inside;
  const pLogP = at(sums.entropy, kept) - nLogN(last) + nLogN(last + tail);
  const pLogQ = crossEntropy(sums, kept, tail);
  return (pLogP - pLogQ) / total + Math.log(inside / total);
}

/** Σ p·ln q. A tail on an empty level is as unlikely as a ten-thousandth of one value. */
function crossEntropy(sums: Sums, kept: number, tail: number): number {
  let sum = 0;
  let lnMean = 0;
  let start = 0;
  for (let level = 1; level <= LEVELS; level++) {
    const end = Math.floor((kept * level) / LEVELS);
    const count = at(sums.counts, end) - at(sums.counts, start);
    lnMean = Math.log(count > 0 ? count / (at(sums.occupied, end) - at(sums.occupied, start)) : 1e-4);
    sum += count * lnMean;
    start = end;
  }
  return sum + tail * lnMean;
}

const at = (values: Float64Array, index: number): number => values[index] as number;
const nLogN = (n: number): number => (n > 0 ? n * Math.log(n) : 0);
