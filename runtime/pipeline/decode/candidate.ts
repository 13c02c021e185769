import type { Candidates } from "../../native/index.ts";
import type { Box, Keypoint } from "../detection.ts";

/** A detection before labels: box in pixels of the model's input. */
export interface Candidate {
  classId: number;
  score: number;
  box: Box;
  /** Of the shape inside the box, in pixels of the input, where the model marks one. */
  areaPx?: number | undefined;
  keypoints?: readonly Keypoint[] | undefined;
}

/** More than any inspection shows; keeps a noisy model from stalling the frame in NMS. */
export const CANDIDATES_MAX = 1_000;

/** The best candidates, highest score first. */
export function byScore(candidates: readonly Candidate[]): Candidate[] {
  return candidates.toSorted((a, b) => b.score - a.score).slice(0, CANDIDATES_MAX);
}

export function fromColumns({ boxes, classIds, scores }: Candidates): Candidate[] {
  const at = (i: number) => boxes[i] as number;
  return Array.from(classIds, (classId, i) => ({
    classId,
    score: scores[i] as number,
    box: [at(i * 4), at(i * 4 + 1), at(i * 4 + 2), at(i * 4 + 3)],
  }));
}

export const toColumns = (candidates: readonly Candidate[]): Candidates => ({
  classIds: Uint32Array.from(candidates, (c) => c.classId),
  scores: Float32Array.from(candidates, (c) => c.score),
  boxes: Float32Array.from(candidates.flatMap((c) => c.box)),
});
