import { type Binned, magnitudes, type Range } from "./binned.ts";

/**
 * The range that keeps `percentile` % (50…100) of the values: by magnitude if symmetric, else with equal shares cut
 * at both ends. Inside the bin where a share is reached, values count as spread evenly.
 */
export function percentileRange({ counts, limit }: Binned, percentile: number, symmetric: boolean): Range {
  if (symmetric) {
    const bins = magnitudes(counts);
    const max = (positionOf(bins, percentile / 100) * limit) / bins.length;
    return { min: -max, max };
  }
  const cut = (100 - percentile) / 200;
  const width = (2 * limit) / counts.length;
  return {
    min: positionOf(counts, cut) * width - limit,
    max: positionOf(counts, 1 - cut) * width - limit,
  };
}

/** Where, in bins from the left, `share` (0…1) of all counts is reached. */
function positionOf(counts: ArrayLike<number>, share: number): number {
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i] ?? 0;
  const wanted = share * total;
  let below = 0;
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i] ?? 0;
    if (count > 0 && below + count >= wanted) return i + (wanted - below) / count;
    below += count;
  }
  return counts.length;
}
