import type { Quantization, ScoresOptions, SelectedScores, TensorValues } from "../../kernels.ts";

/** The numbers that a tensor stands for, in float32. */
export function realsOf(values: TensorValues, quantization?: Quantization): Float32Array {
  if (values instanceof Float32Array) return values;
  const { scale, zeroPoint } = quantization ?? { scale: 1, zeroPoint: 0 };
  const reals = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) reals[i] = ((values[i] as number) - zeroPoint) * Math.fround(scale);
  return reals;
}

/** The indices of the best scores, best first, in the order of their indices where they are equal. */
export function bestIndices(scores: ArrayLike<number>, scoreMin: number, limit: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < scores.length; i++) if ((scores[i] as number) >= scoreMin) found.push(i);
  return found.sort((a, b) => compare(scores[b] as number, scores[a] as number) || a - b).slice(0, limit);
}

/** A difference would be NaN for two infinities. */
const compare = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);

export function scores(values: TensorValues, options: ScoresOptions): SelectedScores {
  const reals = realsOf(values, options.quantization);
  const indices = bestIndices(reals, options.scoreMin, options.limit);
  return {
    indices: Uint32Array.from(indices),
    scores: Float32Array.from(indices, (i) => reals[i] as number),
  };
}
