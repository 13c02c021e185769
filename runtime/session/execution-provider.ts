import type { NativeLoadOptions } from "../native/index.ts";
import type { NamedTensors, TensorSpec } from "../tensor/tensor.ts";

/** What runs models: the `cpu` provider today, TensorRT on a Jetson later. */
export interface ExecutionProvider {
  readonly name: string;
  /** Version of the ONNX Runtime library behind it, e.g. `1.30.0`; once started. */
  readonly runtimeVersion: string;
  /** How many runs may be in flight at once; slots are numbered from 0. */
  readonly slots: number;
  /** Opens the library and starts the threads. Errors: ERR_ORT_LIBRARY, ERR_ADDON_MISSING. */
  start(): void;
  /**
   * Opens a model from a file's path or its bytes, off the calling thread.
   * Errors: ERR_MODEL_MISSING (no such file), ERR_MODEL_LOAD, ERR_MODEL_IO (an input or output is no tensor of a
   * type in `ARRAY_OF`), ERR_SESSION_CANCELLED and ERR_SESSION_CLOSED (at `close`).
   */
  load(model: string | Uint8Array, options?: LoadOptions): Promise<Session>;
  /**
   * Maps a file of weights that never changes while it is mapped: its pages are shared by all sessions that read it.
   * Errors: ERR_MODEL_MISSING, ERR_SESSION_CLOSED.
   */
  map(path: string): Promise<WeightsFile>;
  /** Of the memory that tensors and packed weights of all sessions are taken from. */
  memory(): ProviderMemory;
  /** Unloads every session, cancels what still runs and joins the threads. May be called twice. */
  close(): Promise<void>;
}

/** What the model toolchain asks of ONNX Runtime; a daemon's models need none of it. */
export type LoadOptions = Omit<NativeLoadOptions, "weights"> & {
  /** Threads that one run may use; those of the provider when left out. */
  intraOpThreads?: number;
  /** Initializers that are used where they are mapped; the graph names them with any external location. */
  weights?: MappedWeights;
  /** At most 100 bytes; says in the flight record which model an engine's thread was busy with. */
  label?: string;
  /** Takes the load out of the queue, or ends it. */
  signal?: AbortSignal;
};

/** A mapped file. `close` lets it go once the last session that reads it is unloaded. */
export interface WeightsFile {
  readonly path: string;
  readonly bytes: number;
  /** False once the file is no longer what was mapped: truncated, written to, or unreadable. */
  isIntact(): boolean;
  /** Pages of it that are in this process's memory, in bytes. */
  residentBytes(): number;
  /** May be called twice. */
  close(): void;
}

export interface MappedWeights {
  file: WeightsFile;
  tensors: readonly MappedTensor[];
}

export interface MappedTensor {
  name: string;
  /** ONNX's number for the element type. */
  type: number;
  dims: readonly number[];
  /** In bytes, from the beginning of the file. */
  offset: number;
  bytes: number;
}

export interface ProviderMemory {
  /** Packed weights and others that stay as long as their session does. */
  weightsBytes: number;
  /** Tensors between layers and outputs that nobody has let go. */
  activationBytes: number;
  activationPeakBytes: number;
  /** Taken from the system, used or not. */
  heldBytes: number;
}

export interface SessionMemory {
  /** What it took from the provider's memory while it was loaded and still has. */
  weightsBytes: number;
  /** The most that its runs had at once. */
  activationPeakBytes: number;
  /** Of all its mapped weights, in memory or not. */
  mappedBytes: number;
}

/** A loaded model. Its weights exist once, whatever number of slots runs it. */
export interface Session {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Set when other models may hold the outputs of a run as well; otherwise whoever asked for the run may free them. */
  readonly sharesOutputs?: boolean;
  /**
   * Runs on one slot's native thread; the calling thread only hands over pointers. Runs of one slot queue up.
   * `feeds` are read in place and must stay untouched, and neither detached nor resized, until the promise
   * settles. Several slots may run the same session at once.
   * Errors: ERR_MODEL_IO (name, type or shape), ERR_SESSION_RUN, ERR_SESSION_TIMEOUT, ERR_SESSION_CANCELLED,
   * ERR_SESSION_CLOSED, ERR_MODEL_DIGEST (its mapped weights are no longer what was loaded).
   */
  run(slot: number, feeds: NamedTensors, options?: RunOptions): Promise<NamedTensors>;
  /** Gives the memory back to the system; waits for runs in flight. May be called twice. */
  unload(): Promise<void>;
  memory(): SessionMemory;
  /** Brings its mapped weights into memory, off the calling thread; never fails, as a run would read them anyway. */
  prefetch(): Promise<void>;
}

/** The slot of a run under way. */
export interface HeldSlot {
  /** Where to run now; after `without` it may be another one. */
  readonly slot: number;
  /** Gives the slot back until `work` has settled, then takes one that is free. Settles as `work` does. */
  without<T>(work: Promise<T>): Promise<T>;
}

export interface RunOptions {
  /** Written in place when given; other outputs are allocated by ONNX Runtime and handed over without a copy. */
  outputs?: NamedTensors;
  /** Counted from the call; beyond it the run is cancelled with ERR_SESSION_TIMEOUT. */
  timeLimitMs?: number;
  signal?: AbortSignal;
  /** Runs with the same key are fed the same, so that a stage which several models share may run once for all. */
  shareKey?: object;
  /** In place of `slot` where runs share the slots: while the run waits for another one, somebody else has the slot. */
  held?: HeldSlot;
  /** Lets the pages of the session's mapped weights go when the run has ended. */
  releasePages?: boolean;
}
