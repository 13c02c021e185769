export interface DistancesOptions {
  /** The sum of squared differences, or 1 − cosine (0 to 2). */
  metric: "squared_l2" | "cosine";
  /** Elements of a vector, 1 to 65,536. */
  size: number;
  /** Neighbours wanted of each query, 1 to the number of vectors in the bank. */
  k: number;
  /** What an element of 1 stands for, of queries and bank alike; 1 when left out. */
  scale?: number | undefined;
}

/** Room for k entries of each query, one query after another; what lies behind them is left as it is. */
export interface Neighbours {
  /** Places in the bank, from 0. */
  indices: Uint32Array | Int32Array;
  distances: Float32Array;
}

export interface DistancesKernel {
  /**
   * The k vectors of `bank` that are nearest to each of `queries`, which may be none: nearest first, and where
   * distances are equal, as float32, the lower index first. Both are vectors of `options.size`, one after
   * another, of the same type. `neighbours` may not share memory with them.
   *
   * Of Int8Arrays sums are exact, and a distance is rounded to float32 once. Of Float32Arrays a squared
   * distance is within (size / 8 + 8) · 2^-24 of the exact one, relative to it, and a cosine distance within
   * (size / 4 + 16) · 2^-24, while squared lengths are normal float32 numbers. The results are the same on
   * every CPU. A zero vector has cosine distance 1 to everything; where a distance cannot be told because of
   * NaN or infinity, it is Infinity.
   */
  distances(
    queries: Float32Array | Int8Array,
    bank: Float32Array | Int8Array,
    options: DistancesOptions,
    neighbours: Neighbours,
  ): Promise<void>;
}
