import type { Bundle } from "../../models/bundle/bundle.ts";
import type { Candidate, StreamPolicy } from "./mode-plan.ts";
import type { StageNeed } from "./stage-need.ts";
import type { StagePool } from "./stage-pool.ts";

/** A model as the plan sees it: its stages' needs together. */
export async function candidateOf(
  pool: StagePool,
  name: string,
  { maxBatch = 1, stream }: { stream: StreamPolicy; maxBatch?: number | undefined },
  bundle: Bundle | undefined,
): Promise<Candidate> {
  const needs = await Promise.all((bundle?.stages ?? []).map((stage) => pool.needOf(stage)));
  const canStream = needs.some(({ streaming }) => streaming !== undefined);
  const streaming = needs.map(({ streaming, warm }) => streaming ?? warm);
  return {
    name,
    stream,
    warm: together(
      needs.map(({ warm }) => warm),
      maxBatch,
    ),
    streaming: canStream ? together(streaming, maxBatch) : undefined,
  };
}

/** Stages of one model run one after the other, so they share the room for tensors; that was measured with one frame. */
const together = (needs: readonly StageNeed[], maxBatch: number): StageNeed => ({
  residentBytes: needs.reduce((sum, { residentBytes }) => sum + residentBytes, 0),
  anonymousBytes: needs.reduce((sum, { anonymousBytes }) => sum + anonymousBytes, 0),
  activationBytes: maxBatch * Math.max(0, ...needs.map(({ activationBytes }) => activationBytes)),
});
