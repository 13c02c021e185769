import type { ModelManager } from "../../runtime/loader/model-manager.ts";
import { type BuiltModel, batchLimit } from "../../runtime/pipeline/open-model.ts";
import type { InferenceModels } from "../http/oip/inference-models.ts";

/** The daemon's models for the Open Inference Protocol. */
export const inferenceModels = (
  models: ModelManager<BuiltModel>,
  maxBatchOf: (name: string) => number,
): InferenceModels => ({
  list: () =>
    models.status().map(({ bundle, last_error, name, state }) => ({
      name,
      version: bundle?.version ?? null,
      // One that is cold is opened by the request that needs it.
      isReady: state !== "quarantined" && last_error === null,
      reason: last_error ? `${last_error.code}: ${last_error.message}` : "",
    })),
  describe: async (name) => {
    const model = await models.describe(name);
    return { ...model, maxBatch: batchLimit(maxBatchOf(name), model) };
  },
  lease: async (name) => {
    const leases = await models.lease([name]);
    const { infer, maxBatch, model, session } = leases.of(name);
    const { inputs, outputs } = session;
    const { version } = model.options;
    return { model: { version, inputs, outputs, maxBatch, infer }, release: leases.release };
  },
  load: (name) => models.load(name),
  unload: (name) => models.unload(name),
});
