import type { ErrorRecord } from "../base/errors.ts";
import type { TensorSpec } from "../tensor/tensor.ts";

/**
 * `cold`: nothing of it is in memory. `opening`, `evicting`: on the way there and back. `warm`: ready to run.
 * `streaming`: ready to run, its weights come into memory slice by slice in each run. `quarantined`: it brought the
 * process down too often and is not opened any more.
 */
export type ModelState = "cold" | "opening" | "warm" | "streaming" | "evicting" | "quarantined";

export interface ModelStatus {
  /** Its name in the configuration. */
  name: string;
  state: ModelState;
  /** Of the bundle that is in use or was last; null before it was first opened. */
  bundle: { name: string; version: string; sha256: string; variant: string } | null;
  pinned: boolean;
  /** Frames that use it now. */
  leases: number;
  /** What it holds of its own: packed weights, ONNX Runtime's structures. Stages that models share count in each. */
  anonymous_bytes: number;
  /** Of its weights' files, what is in memory now; the system takes it back when it needs to. */
  mapped_bytes: number;
  /** The most that one run needed for tensors between layers. */
  activation_bytes: number;
  loads: number;
  evictions: number;
  /** Of the last open, in milliseconds. */
  open_ms: number | null;
  last_error: (ErrorRecord & { at: string }) | null;
}

/** What a model takes and makes. */
export interface ModelDescription {
  version: string;
  inputs: readonly TensorSpec[];
  outputs: readonly TensorSpec[];
  /** In one stage, as it has to be for several requests in one run. */
  isWhole: boolean;
}

/** Memory of all models; budgets are the configuration's. */
export interface ModelMemory {
  /** What counts against `engine.model_budget`: weights in use and what their sessions hold. */
  resident_bytes: number;
  budget_bytes: number;
  /** Tensors between layers, of all runs under way, and the most that there ever was. */
  activation_bytes: number;
  activation_peak_bytes: number;
  activation_budget_bytes: number;
  /** Taken from the system for tensors and packed weights, used or not. */
  held_bytes: number;
  /** Share of `held_bytes` that nothing uses, 0 to 1. */
  fragmentation: number;
}

export interface ModelEvent {
  model: string;
  type:
    | "loaded"
    | "unloaded"
    | "activated"
    | "activation_failed"
    | "open_failed"
    | "quarantined"
    | "released";
  version: string | null;
  error: ErrorRecord | null;
}

/** Models by name for one frame: they stay open, and of one version, until they are released. */
export interface ModelLeases<T> {
  /** One of the names that were asked for. */
  of(name: string): T;
  /** May be called twice. */
  release(): void;
}

/** What operators may ask; docs/mqtt.md has the requests. */
export interface ModelControl {
  /** Opens it if it is cold, and lifts a quarantine. Errors: ERR_MODEL_*. */
  load(name: string): Promise<ModelStatus>;
  /** Gives its memory back once no frame uses it; the next frame opens it again. Errors: ERR_MODEL_UNKNOWN. */
  unload(name: string): Promise<ModelStatus>;
  /** Opens what its bundle's folder holds now beside the version in use, and goes over to it. Errors: ERR_MODEL_*. */
  activate(name: string): Promise<ModelStatus>;
  status(): ModelStatus[];
  memory(): ModelMemory;
}
