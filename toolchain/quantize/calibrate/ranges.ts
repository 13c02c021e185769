import type { Binned, Range } from "./binned.ts";
import { entropyRange } from "./entropy.ts";
import type { Histogram } from "./histogram.ts";
import { mseRange } from "./mse.ts";
import { percentileRange } from "./percentile.ts";

export type RangeMethod =
  | { method: "minmax" }
  /** Mean over the images of each one's smallest and largest value. */
  | { method: "mean-minmax" }
  /** Keeps `percentile` % of the values (default 99.999), by magnitude if symmetric, else cut equally at both ends. */
  | { method: "percentile"; percentile?: number; symmetric?: boolean }
  /** Least Kullback–Leibler divergence. */
  | { method: "entropy" }
  /** Least mean square error for `steps` (default 255) quantization steps. */
  | { method: "mse"; steps?: number; symmetric?: boolean };

/**
 * The range that `method` chooses, never wider than what was seen (but for 0). Errors: ERR_QUANTIZE_RANGE (no
 * values were seen).
 */
export function rangeOf(histogram: Histogram, method: RangeMethod): Range {
  histogram.assertSeen();
  if (method.method === "mean-minmax") return withZero({ min: histogram.meanMin, max: histogram.meanMax });
  return binnedRange(histogram, method);
}

/** As `rangeOf`, for any number of bins (even); for histograms that were made elsewhere. */
export function binnedRange(binned: Binned, method: Exclude<RangeMethod, { method: "mean-minmax" }>): Range {
  const seen = { min: binned.min, max: binned.max };
  if (binned.limit === 0 || method.method === "minmax") return withZero(seen);
  const chosen = chosenRange(binned, method);
  return withZero({ min: Math.max(chosen.min, seen.min), max: Math.min(chosen.max, seen.max) });
}

type Searched = Exclude<RangeMethod, { method: "minmax" | "mean-minmax" }>;

function chosenRange(binned: Binned, method: Searched): Range {
  switch (method.method) {
    case "percentile":
      return percentileRange(binned, method.percentile ?? 99.999, method.symmetric ?? false);
    case "entropy":
      return entropyRange(binned);
    case "mse":
      return mseRange(binned, method.steps ?? 255, method.symmetric ?? false);
  }
}

const withZero = ({ min, max }: Range): Range => ({ min: Math.min(min, 0), max: Math.max(max, 0) });
