import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Kernels, KernelVariant } from "../arm-neon/kernels.ts";
import { type ErrorCode, SightlineError } from "../base/errors.ts";

export type * from "../arm-neon/kernels.ts";

/** Native memory, 64-byte aligned and not cleared; freed when the last view of it, in any thread, is gone. */
export interface NativeBlock {
  /** What another thread passes to `attach`. */
  id: number;
  buffer: ArrayBuffer;
}

/** A tensor by its place among the model's inputs or outputs; `data` has the length that `dims` give. */
export interface NativeTensor {
  index: number;
  dims: readonly number[];
  data: ArrayBufferView;
}

export interface NativeSpec {
  name: string;
  /** A `DType` of runtime/tensor. */
  dtype: string;
  /** -1 where only known at run time. */
  dims: number[];
}

export interface NativeSession {
  session: number;
  inputs: NativeSpec[];
  outputs: NativeSpec[];
}

/** An output that ONNX Runtime allocated; the buffer is its memory. */
export interface NativeOutput {
  dims: number[];
  buffer: ArrayBuffer;
}

export interface NativeLoadOptions {
  /** How much ONNX Runtime may rewrite the graph; `all` when left out. */
  optimization?: "none" | "basic" | "extended" | "all";
  /** Where it writes the graph that it made of the model. */
  optimizedPath?: string;
  /** A profile is written at the unload, to a file whose name begins so. */
  profilePrefix?: string;
  /** Configuration entries by ONNX Runtime's own names; it ignores those that it does not know. */
  entries?: Readonly<Record<string, string>>;
  /** Initializers that are used where `map` put them. */
  weights?: { file: number; tensors: readonly NativeMappedTensor[] };
  /** At most 119 bytes: what the flight record calls the model. */
  label?: string;
}

/** A tensor in a mapped file; `type` is ONNX's number, `offset` and `bytes` count from the file's beginning. */
export interface NativeMappedTensor {
  name: string;
  type: number;
  dims: readonly number[];
  offset: number;
  bytes: number;
}

/** Bytes of one session. */
export interface NativeSessionMemory {
  /** Taken while it was loaded. */
  weightsBytes: number;
  /** The most that its runs had at once. */
  activationPeakBytes: number;
  /** Of its mapped weights, in memory or not. */
  mappedBytes: number;
}

/** Bytes that all sessions of the process have of the addon's memory for tensors. */
export interface NativeTensorMemory {
  weightsBytes: number;
  activationBytes: number;
  activationPeakBytes: number;
  /** Taken from the system, used or not. */
  heldBytes: number;
}

/**
 * Slots over one ONNX Runtime library. Every promise has a ticket, a number that the caller chooses and that
 * is free again once the promise settled. Errors: those of runtime/session's `Session`, and ERR_ADDON_ARGUMENT.
 */
export interface NativeEngine {
  /** Version of the library, e.g. `1.30.0`. */
  version(): string;
  /** Opens a model on a thread of its own. `bytes` must stay untouched until then. */
  load(
    ticket: number,
    model: string | Uint8Array,
    intraOpThreads: number,
    options?: NativeLoadOptions,
  ): Promise<NativeSession>;
  /**
   * Memory is used in place, and must be neither resized nor transferred until the promise settles. The result
   * has an entry per output of the model: null where it was written into one of `fetches`. `releasePages` lets the pages of
   * the session's mapped weights go afterwards.
   */
  run(
    ticket: number,
    slot: number,
    session: number,
    feeds: readonly NativeTensor[],
    fetches: readonly NativeTensor[],
    releasePages?: boolean,
  ): Promise<(NativeOutput | null)[]>;
  /** Reads the session's mapped weights in, on a thread of its own. */
  prefetch(ticket: number, session: number): Promise<void>;
  memory(session: number): NativeSessionMemory;
  /** Maps a file of weights, read-only. Errors: ERR_MODEL_MISSING. */
  map(ticket: number, path: string): Promise<{ file: number; bytes: number }>;
  /** `intact` while it is what was mapped; `residentBytes` of its pages are in this process's memory. */
  mapped(file: number): { intact: boolean; residentBytes: number };
  /** Gives the mapping up; it goes with the last session that reads it. */
  unmap(file: number): void;
  /** Settles once the session's runs are through and its memory is given back. */
  unload(ticket: number, session: number): Promise<void>;
  /** Ends a run or a load with ERR_SESSION_CANCELLED; false when there is none. */
  cancel(ticket: number): boolean;
  /** Joins the threads; runs and loads under way are ended. Promises under way never settle. */
  close(): void;
}

interface Addon {
  useErrors(make: (code: ErrorCode, message: string) => SightlineError): void;
  allocate(bytes: number): NativeBlock;
  attach(id: number): ArrayBuffer;
  memoryUse(): { bytes: number; blocks: number };
  tensorMemory(): NativeTensorMemory;
  Engine: new (library: string, slots: number, recordPath?: string) => NativeEngine;
  Kernels: new (features?: readonly string[]) => Kernels;
  kernelVariants(): Record<string, KernelVariant[]>;
  cpuFeatures(): string[];
  sendDatagram(path: string, text: string): string | null;
}

export const addonPath = fileURLToPath(
  new URL(`build/${process.platform}-${process.arch}/sightline.node`, import.meta.url),
);

/** Loaded at first use rather than on import, so that a command can still say that it is missing. */
let loaded: Addon | undefined;

function addon(): Addon {
  loaded ??= loadAddon(addonPath);
  return loaded;
}

/** Errors: ERR_ADDON_MISSING. */
export function loadAddon(path: string): Addon {
  try {
    const opened = createRequire(import.meta.url)(path) as Addon;
    opened.useErrors((code, message) => new SightlineError(code, message));
    return opened;
  } catch (error) {
    throw SightlineError.wrap("ERR_ADDON_MISSING", error, path);
  }
}

/** `bytes` of native memory. Errors: ERR_ADDON_ARGUMENT. */
export const allocate = (bytes: number): NativeBlock => addon().allocate(bytes);

/** Another thread's block, by its id; the memory is shared, not copied. Errors: ERR_ADDON_ARGUMENT. */
export const attach = (id: number): ArrayBuffer => addon().attach(id);

/** Native blocks alive in the whole process. */
export const memoryUse = (): { bytes: number; blocks: number } => addon().memoryUse();

export const tensorMemory = (): NativeTensorMemory => addon().tensorMemory();

/**
 * Opens ONNX Runtime at `library` with 1 to 64 threads of its own, which stay until `close`, and two that load models
 * and read ahead. In `recordPath` each thread says what it is busy with, to be read when the process has died.
 * Errors: ERR_ORT_LIBRARY, ERR_ADDON_ARGUMENT when the record cannot be written.
 */
export function openEngine(library: string, slots: number, recordPath?: string): NativeEngine {
  const engine = new (addon().Engine)(library, slots, recordPath);
  const close = engine.close.bind(engine);
  // On the main thread process.exit() skips native cleanup hooks, and libraries are torn down under the slots.
  process.on("exit", close);
  engine.close = () => {
    process.off("exit", close);
    close();
  };
  return engine;
}

/**
 * The kernels' best variants for `features`, a part of what `cpuFeatures` lists: all of them when left out, the
 * plain C++ twins when empty. Errors: ERR_ADDON_ARGUMENT when this CPU lacks one of them.
 */
export const openKernels = (features?: readonly string[]): Kernels => new (addon().Kernels)(features);

/**
 * Sends one datagram to a UNIX socket without waiting; Node has no such sockets. A path that begins with `@` is in the
 * abstract namespace. Gives the system's word for what went wrong, null when it was sent.
 */
export const sendDatagram = (path: string, text: string): string | null => addon().sendDatagram(path, text);

/** The variants that this build has, by kernel, the best first. */
export const kernelVariants = (): Record<string, KernelVariant[]> => addon().kernelVariants();

/** Features of this CPU that matter to inference, by their names in Linux's /proc/cpuinfo. */
export const cpuFeatures = (): string[] => addon().cpuFeatures();
