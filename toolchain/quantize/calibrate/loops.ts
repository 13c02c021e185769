/**
 * The two loops that every calibrated value goes through. They are written for speed: four independent strands, so
 * that no step waits for the one before (a ReLU's many zeros all land in one bin).
 */

/** Smallest and largest value; `allFinite` is false when any is NaN or infinite, min and max then mean nothing. */
export function scan(values: Float32Array): { min: number; max: number; allFinite: boolean } {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  // 0 · x is ±0 for every finite x and NaN otherwise, and a sum never loses a NaN.
  let poison = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value < min) min = value;
    if (value > max) max = value;
    poison += value * 0;
  }
  return { min, max, allFinite: poison === 0 };
}

/** Counts `values`, all within −limit…limit, in equal bins; a value on an edge belongs to the right, the last to the last. */
export function binInto(counts: Float64Array, values: Float32Array, limit: number): void {
  const half = counts.length / 2;
  const last = counts.length - 1;
  const perUnit = limit > 0 ? half / limit : 0;
  const strands = new Uint32Array(counts.length * STRANDS);
  for (let i = 0; i < values.length; i++) {
    let bin = ((values[i] as number) * perUnit + half) | 0;
    if (bin > last) bin = last;
    const at = bin * STRANDS + (i & (STRANDS - 1));
    strands[at] = (strands[at] as number) + 1;
  }
  for (let at = 0; at < strands.length; at++) {
    const bin = (at / STRANDS) | 0;
    counts[bin] = (counts[bin] ?? 0) + (strands[at] ?? 0);
  }
}

const STRANDS = 4;
