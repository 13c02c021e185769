import type { Config } from "../../config/schema/schema.ts";
import type { SchedulingOptions } from "../../runtime/pipeline/open-model.ts";

type Model = Config["models"][string];

/** Requests that one run of a model may take, as the configuration wants it. */
export const maxBatchOf = (model: Pick<Model, "batching" | "max_batch"> | undefined): number =>
  model === undefined || model.batching === "off" ? 1 : model.max_batch;

/** How the configuration wants a model's requests scheduled on so many slots. */
export function schedulingOf(
  { batching, deadline, instances, max_batch, priority, queue }: Model,
  slots: number,
): SchedulingOptions {
  const hold =
    typeof batching === "string"
      ? undefined
      : { preferred: batching.preferred, maxDelayMs: batching.max_delay };
  return {
    instances: instances === "auto" ? slots : Math.min(instances, slots),
    maxBatch: maxBatchOf({ batching, max_batch }),
    weight: priority,
    whenFull: queue.when_full,
    queueSize: queue.size,
    deadlineMs: deadline,
    hold,
  };
}
