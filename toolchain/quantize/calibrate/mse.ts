import type { Binned, Range } from "./binned.ts";

/** Clip limits that are tried on each side. */
const CANDIDATES = 128;

/**
 * The range with the least mean square error: what is clipped, exactly by bin, plus the noise of rounding, step²/12
 * for each value inside (Bennett, "Spectra of quantized signals", 1948; the split is that of Banner et al., arXiv
 * 1810.05723). The bins around 0 have no noise: 0 has an exact code, and a ReLU's zeros are most of its values.
 */
export function mseRange(binned: Binned, steps: number, symmetric: boolean): Range {
  const left = tail(binned, -1);
  const right = tail(binned, 1);
  const inside = left.values + right.values;
  const error = (a: Clip, b: Clip): number =>
    a.error + b.error + ((inside - a.clipped - b.clipped) * ((a.limit + b.limit) / steps) ** 2) / 12;
  let best = { a: left.full, b: right.full, error: error(left.full, right.full) };
  for (const [i, a] of left.clips.entries()) {
    for (const b of symmetric ? right.clips.slice(i, i + 1) : right.clips) {
      const found = error(a, b);
      if (found < best.error) best = { a, b, error: found };
    }
  }
  return { min: -best.a.limit, max: best.b.limit };
}

/** What it costs to end one side of the range at distance `limit` from 0. */
interface Clip {
  limit: number;
  clipped: number;
  error: number;
}

/** One side of 0, bins taken at their centres: from the outside in, so that sums of squares lose no digits. */
function tail({ counts, limit }: Binned, sign: 1 | -1): { values: number; full: Clip; clips: Clip[] } {
  const half = counts.length / 2;
  const width = limit / half;
  const every = Math.max(1, Math.floor(half / CANDIDATES));
  const clips: Clip[] = [];
  let count = 0;
  let sum = 0;
  let squares = 0;
  for (let bin = half - 1; bin > 0; bin--) {
    const edge = (bin + 1) * width;
    if (bin % every === every - 1) {
      const error = squares - 2 * edge * sum + edge * edge * count;
      clips.push({ limit: edge, clipped: count, error: Math.max(0, error) });
    }
    const inBin = counts[sign > 0 ? half + bin : half - 1 - bin] ?? 0;
    const centre = (bin + 0.5) * width;
    count += inBin;
    sum += inBin * centre;
    squares += inBin * centre * centre;
  }
  if (count === 0) clips.splice(0, clips.length, { limit: 0, clipped: 0, error: 0 });
  return { values: count, full: clips[0] ?? { limit, clipped: 0, error: 0 }, clips };
}
