import type { Quantization, ScoresOptions, SelectedScores, TensorValues } from "../../kernels.ts";

const REAL: Quantization = { scale: 1, zeroPoint: 0 };

/** A threshold in the tensor's own numbers, so that only what passes it is made real. */
export const rawOf = (real: number, { scale, zeroPoint } = REAL): number => real / scale + zeroPoint;
export const realOf = (raw: number, { scale, zeroPoint } = REAL): number => (raw - zeroPoint) * scale;

export function scores(
  values: TensorValues,
  { limit, quantization, scoreMin }: ScoresOptions,
): SelectedScores {
  const least = rawOf(scoreMin, quantization);
  const found: number[] = [];
  for (let i = 0; i < values.length; i++) if ((values[i] as number) >= least) found.push(i);
  const best = bestFirst(Uint32Array.from(found), values).subarray(0, limit);
  const made = new Float32Array(best.length);
  for (let i = 0; i < best.length; i++) made[i] = realOf(values[best[i] as number] as number, quantization);
  return { indices: best, scores: made };
}

/** Sorts `indices` by their scores. */
export const bestFirst = (indices: Uint32Array, scores: ArrayLike<number>): Uint32Array =>
  indices.sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
