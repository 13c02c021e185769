import { type Box, iou, type Keypoint } from "../detection.ts";

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
const CANDIDATES_MAX = 1_000;

/** The best candidates, highest score first. */
export function byScore(candidates: readonly Candidate[]): Candidate[] {
  return candidates.toSorted((a, b) => b.score - a.score).slice(0, CANDIDATES_MAX);
}

/** Greedy class-wise non-maximum suppression: a box overlapping a better one of its class by more than `limit` goes. */
export function suppress(candidates: readonly Candidate[], limit: number): Candidate[] {
  const kept: Candidate[] = [];
  for (const candidate of byScore(candidates)) {
    const isDouble = kept.some((k) => k.classId === candidate.classId && iou(k.box, candidate.box) > limit);
    if (!isDouble) kept.push(candidate);
  }
  return kept;
}
