import type { Quantization } from "./quantization.ts";

/** Detections before labels, best first. */
export interface Candidates {
  classIds: Uint32Array;
  /** Real numbers, whatever the tensor holds. */
  scores: Float32Array;
  /** Left, top, right, bottom of each, in pixels of the model's input. */
  boxes: Float32Array;
}

export interface NmsOptions {
  /** 0 to 1: a box goes when it shares more than this part of the union with a better one that stayed. */
  iouMax: number;
  /** Whether boxes of different classes suppress each other; left out: they do not. */
  acrossClasses?: boolean | undefined;
}

/** Which of a head's boxes are wanted. */
export interface CandidatesOptions {
  /** Finite; compared exactly with each score. */
  scoreMin: number;
  /** 1 to 1,000: the best so many boxes are looked at, before suppression. */
  limit: number;
  /** Left out: boxes that overlap all stay. */
  nms?: NmsOptions | undefined;
  /** Of an int8 or uint8 tensor. */
  quantization?: Quantization | undefined;
}
