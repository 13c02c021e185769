/** What the range methods need of a distribution: equal bins over −limit…limit. */
export interface Binned {
  counts: ArrayLike<number>;
  /** Right edge of the last bin, above or equal to every |value|; 0 when all values are 0. */
  limit: number;
  /** Exact, of all values. */
  min: number;
  max: number;
}

/** What a quantized tensor can hold; contains 0, so that 0 (padding, ReLU) has an exact code. */
export interface Range {
  min: number;
  max: number;
}

/** Of |value|: half as many bins, over 0…limit. */
export function magnitudes(counts: ArrayLike<number>): Float64Array {
  const half = counts.length / 2;
  return Float64Array.from({ length: half }, (_, i) => (counts[half + i] ?? 0) + (counts[half - 1 - i] ?? 0));
}
