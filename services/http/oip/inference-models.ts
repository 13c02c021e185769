import type { NamedTensors, TensorSpec } from "../../../runtime/tensor/tensor.ts";

/** What a client has to know to ask a model. */
export interface ModelMetadata {
  version: string;
  inputs: readonly TensorSpec[];
  outputs: readonly TensorSpec[];
  /** Requests that one run may take together; 1 where their tensors' first dimension is not that of a batch. */
  maxBatch: number;
}

/** A model as the protocol sees it: tensors in, tensors out. */
export interface InferenceModel extends ModelMetadata {
  /** `feeds` fit `inputs`. Errors: ERR_QUEUE_FULL, ERR_SESSION_*. */
  infer(feeds: NamedTensors): Promise<NamedTensors>;
}

export interface ModelInfo {
  name: string;
  /** Null before it was first opened. */
  version: string | null;
  isReady: boolean;
  /** Why it is not. */
  reason: string;
}

/** What the daemon's models offer to the protocol. */
export interface InferenceModels {
  list(): ModelInfo[];
  /** Opens nothing. Errors: ERR_MODEL_*. */
  describe(name: string): Promise<ModelMetadata>;
  /** The model, opened if need be, until it is released. Errors: ERR_MODEL_*. */
  lease(name: string): Promise<{ model: InferenceModel; release(): void }>;
  /** Errors: ERR_MODEL_*. */
  load(name: string): Promise<unknown>;
  unload(name: string): Promise<unknown>;
}
