import type { Quantization, TensorValues } from "../quantization.ts";

export interface ScoresOptions {
  /** Compared exactly with each score; -Infinity selects the best whatever they are. */
  scoreMin: number;
  /** 1 to 2^20. */
  limit: number;
  /** Of int8 and uint8 scores. */
  quantization?: Quantization | undefined;
}

/** Best first; equal scores in the order of their indices. */
export interface SelectedScores {
  indices: Uint32Array;
  /** Real numbers, whatever they were stored as. */
  scores: Float32Array;
}

export interface ScoresKernel {
  /** The best scores of a map that are `scoreMin` or more, at most `limit`. NaN is never selected. */
  scores(values: TensorValues, options: ScoresOptions): Promise<SelectedScores>;
}
