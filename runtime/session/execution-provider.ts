import type { NativeLoadOptions } from "../arm-neon/index.ts";
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
  /** Unloads every session, cancels what still runs and joins the threads. May be called twice. */
  close(): Promise<void>;
}

/** What the model toolchain asks of ONNX Runtime; a daemon's models need none of it. */
export type LoadOptions = NativeLoadOptions & {
  /** Threads that one run may use; those of the provider when left out. */
  intraOpThreads?: number;
};

/** A loaded model. Its weights exist once, whatever number of slots runs it. */
export interface Session {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /**
   * Runs on one slot's native thread; the calling thread only hands over pointers. Runs of one slot queue up.
   * `feeds` are read in place and must stay untouched, and neither detached nor resized, until the promise
   * settles. Several slots may run the same session at once.
   * Errors: ERR_MODEL_IO (name, type or shape), ERR_SESSION_RUN, ERR_SESSION_TIMEOUT, ERR_SESSION_CANCELLED,
   * ERR_SESSION_CLOSED.
   */
  run(slot: number, feeds: NamedTensors, options?: RunOptions): Promise<NamedTensors>;
  /** Gives the memory back to the system; waits for runs in flight. May be called twice. */
  unload(): Promise<void>;
}

export interface RunOptions {
  /** Written in place when given; other outputs are allocated by ONNX Runtime and handed over without a copy. */
  outputs?: NamedTensors;
  /** Counted from the call; beyond it the run is cancelled with ERR_SESSION_TIMEOUT. */
  timeLimitMs?: number;
  signal?: AbortSignal;
}
