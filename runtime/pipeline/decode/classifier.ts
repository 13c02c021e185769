import type { Kernels } from "../../native/index.ts";
import { floats, type NamedTensors } from "../../tensor/tensor.ts";
import type { Size } from "../fit.ts";
import type { Candidate } from "./candidate.ts";

/** One score a class for the whole picture; `softmax` turns logits into probabilities. */
export interface ClassifierDecoder {
  type: "classifier";
  output: string;
  activation: "none" | "softmax";
}

/** Classes shown for one picture; the rest is rarely of use and never of interest to a rule. */
const CLASSES_MAX = 5;

/** Each class at or above `minScore` as a candidate that covers the whole picture. */
export async function decodeClassifier(
  kernels: Kernels,
  decoder: ClassifierDecoder,
  outputs: NamedTensors,
  minScore: number,
  input: Size,
): Promise<Candidate[]> {
  const data = floats(outputs[decoder.output], decoder.output);
  const values = decoder.activation === "softmax" ? softmax(data) : data;
  const { indices, scores } = await kernels.scores(values, { scoreMin: minScore, limit: CLASSES_MAX });
  return Array.from(indices, (classId, i) => ({
    classId,
    score: scores[i] as number,
    box: [0, 0, input.width, input.height],
  }));
}

function softmax(logits: Float32Array): Float32Array {
  const top = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = logits.map((x) => Math.exp(x - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / sum);
}
