import { SightlineError } from "../../base/errors.ts";
import { floats, type NamedTensors } from "../../tensor/tensor.ts";
import type { Size } from "../fit.ts";
import { byScore, type Candidate } from "./candidate.ts";

/** [1,D]: a vector for the whole picture, which is what the nearest prototypes are; one of D numbers a label. */
export interface EmbeddingDecoder {
  type: "embedding";
  output: string;
  prototypes: readonly (readonly number[])[];
}

/** Each label whose prototype points where the picture's vector does; the score is the cosine, 0 when they part. */
export function decodeEmbedding(
  { output, prototypes }: EmbeddingDecoder,
  outputs: NamedTensors,
  minScore: number,
  input: Size,
): Candidate[] {
  const vector = floats(outputs[output], output);
  const found = prototypes.map((prototype, classId): Candidate => {
    if (prototype.length === vector.length) {
      return {
        classId,
        score: Math.max(0, cosine(vector, prototype)),
        box: [0, 0, input.width, input.height],
      };
    }
    const message = `output "${output}" has ${vector.length} values, prototype ${classId} has ${prototype.length}`;
    throw new SightlineError("ERR_MODEL_IO", message);
  });
  return byScore(found.filter(({ score }) => score >= minScore)).slice(0, 5);
}

function cosine(a: Float32Array, b: readonly number[]): number {
  let [dot, aa, bb] = [0, 0, 0];
  a.forEach((v, i) => {
    const w = b[i] ?? 0;
    dot += v * w;
    aa += v * v;
    bb += w * w;
  });
  return dot / (Math.sqrt(aa * bb) || 1);
}
