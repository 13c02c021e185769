import type { StageFile } from "../../models/bundle/bundle.ts";
import { type PreparedModel, weightBytesOf } from "./prepared/prepared-model.ts";

/** What a stage takes while it is open, in bytes. */
export interface StageNeed {
  /** Weights in memory and what the session holds besides. */
  residentBytes: number;
  /** Of these, what the system cannot take back. */
  anonymousBytes: number;
  /** Tensors between layers, in one run. */
  activationBytes: number;
}

/** ONNX Runtime's structures, before they were measured: as much as a small detector's. */
const GUESSED_SESSION_BYTES = 2 * 2 ** 20;

/** As it was measured when it was made ready. Of slices, two that follow on each other are in memory at a time. */
export function stageNeed(
  { cost, slices, whole }: Pick<PreparedModel, "cost" | "slices" | "whole">,
  { isStreaming }: { isStreaming: boolean },
): StageNeed {
  // A stage that cannot be sliced is whole in a model that streams, too.
  const isSliced = isStreaming && slices.length > 0;
  const { activationBytes, anonymousBytes } = isSliced ? cost.slices : cost.whole;
  const sliceBytes = slices.map(weightBytesOf);
  const pairs = sliceBytes.map((bytes, i) => bytes + (sliceBytes[i + 1] ?? 0));
  const weightBytes = isSliced ? Math.max(...pairs) : weightBytesOf(whole);
  return { residentBytes: weightBytes + anonymousBytes, anonymousBytes, activationBytes };
}

export function unknownNeed({ bytes, weights }: StageFile): StageNeed {
  const residentBytes = bytes + (weights?.bytes ?? 0) + GUESSED_SESSION_BYTES;
  return { residentBytes, anonymousBytes: GUESSED_SESSION_BYTES, activationBytes: 0 };
}

export const sumOf = (needs: readonly StageNeed[], of: keyof StageNeed): number =>
  needs.reduce((sum, need) => sum + need[of], 0);
