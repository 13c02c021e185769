import type { Bundle } from "../../models/bundle/bundle.ts";
import type { ModelNeed, PlannedModel } from "./mode-plan.ts";
import type { ModelPolicy } from "./model-entry.ts";
import { type StageNeed, sumOf } from "./stage-need.ts";
import type { StagePool } from "./stage-pool.ts";

/** A model as the plan sees it: its stages' needs together. */
export async function plannedModel(
  pool: StagePool,
  name: string,
  policy: Pick<ModelPolicy, "instances" | "maxBatch" | "stream">,
  bundle: Bundle | undefined,
): Promise<PlannedModel> {
  const needs = await Promise.all((bundle?.stages ?? []).map((stage) => pool.needOf(stage)));
  const canStream = needs.some(({ streaming }) => streaming !== undefined);
  const streaming = needs.map(({ streaming, warm }) => streaming ?? warm);
  return {
    name,
    stream: policy.stream,
    warm: together(
      needs.map(({ warm }) => warm),
      { ...policy, isStreaming: false },
    ),
    streaming: canStream ? together(streaming, { ...policy, isStreaming: true }) : undefined,
  };
}

/**
 * Stages of one model run one after the other, so they share the room for tensors; that was measured with one frame. Runs
 * of a model that streams take turns, if it is in one piece.
 */
export const together = (
  needs: readonly StageNeed[],
  {
    instances = Number.POSITIVE_INFINITY,
    isStreaming,
    maxBatch = 1,
  }: Pick<ModelPolicy, "instances" | "maxBatch"> & { isStreaming: boolean },
): ModelNeed => ({
  residentBytes: sumOf(needs, "residentBytes"),
  activationBytes: maxBatch * Math.max(0, ...needs.map(({ activationBytes }) => activationBytes)),
  atOnce: isStreaming && needs.length === 1 ? 1 : instances,
});
