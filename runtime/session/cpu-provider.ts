import { SightlineError } from "../base/errors.ts";
import {
  type NativeEngine,
  type NativeLoadOptions,
  type NativeSpec,
  openEngine,
  tensorMemory,
} from "../native/index.ts";
import { ARRAY_OF, type DType, type TensorSpec } from "../tensor/tensor.ts";
import { CpuSession } from "./cpu-session.ts";
import type {
  ExecutionProvider,
  LoadOptions,
  ProviderMemory,
  Session,
  WeightsFile,
} from "./execution-provider.ts";
import { MappedWeightsFile } from "./mapped-weights-file.ts";
import { findOnnxRuntimeLibrary } from "./onnxruntime-library.ts";
import { Tickets } from "./tickets.ts";

export interface CpuProviderOptions {
  /** Runs in flight at once, each on a thread of its own: 1 to 64, best as many as cores. */
  slots: number;
  /** Threads that one run may use. 1 is best for throughput, more shorten a big model's latency. */
  intraOpThreads: number;
  /** Path of a board's own libonnxruntime.so; else the one that onnxruntime-node ships. */
  library?: string | undefined;
  /** Where each thread says what it is busy with; see flight-record.ts. */
  recordPath?: string | undefined;
}

/** Runs models on the CPU through the native engine. */
export class CpuExecutionProvider implements ExecutionProvider {
  readonly name = "cpu";
  readonly slots: number;
  readonly #options: CpuProviderOptions;
  readonly #tickets = new Tickets();
  readonly #sessions = new Set<CpuSession>();
  readonly #loading = new Map<number, Promise<unknown>>();
  #engine: NativeEngine | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: CpuProviderOptions) {
    this.slots = options.slots;
    this.#options = options;
  }

  get runtimeVersion(): string {
    return this.#started().version();
  }

  start(): void {
    if (this.#engine !== undefined) return;
    const { library, recordPath } = this.#options;
    this.#engine = openEngine(findOnnxRuntimeLibrary(library), this.slots, recordPath);
    this.#closing = undefined;
  }

  async load(model: string | Uint8Array, options: LoadOptions = {}): Promise<Session> {
    const engine = this.#started();
    const ticket = this.#tickets.take();
    const { intraOpThreads = this.#options.intraOpThreads, signal } = options;
    if (signal?.aborted) throw new SightlineError("ERR_SESSION_CANCELLED", "cancelled before it began");
    const loading = this.#track(
      ticket,
      engine.load(ticket, model, intraOpThreads, nativeOptions(options)),
      signal,
    );
    const { session, inputs, outputs } = await loading;
    const opened = new CpuSession(
      { engine, tickets: this.#tickets, onUnloaded: () => this.#sessions.delete(opened) },
      { id: session, inputs: inputs.map(toSpec), outputs: outputs.map(toSpec) },
    );
    this.#sessions.add(opened);
    if (this.#closing === undefined) return opened;
    await opened.unload();
    throw closed();
  }

  async map(path: string): Promise<WeightsFile> {
    const engine = this.#started();
    const ticket = this.#tickets.take();
    const { bytes, file } = await this.#track(ticket, engine.map(ticket, path));
    return new MappedWeightsFile(engine, { file, path, bytes });
  }

  memory(): ProviderMemory {
    return tensorMemory();
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    const engine = this.#engine;
    if (engine === undefined) return;
    for (const ticket of this.#loading.keys()) engine.cancel(ticket);
    for (const session of this.#sessions) session.cancelAll();
    await Promise.allSettled(this.#loading.values());
    await Promise.all([...this.#sessions].map((session) => session.unload()));
    engine.close();
    this.#engine = undefined;
  }

  #started(): NativeEngine {
    if (this.#engine === undefined || this.#closing !== undefined) throw closed();
    return this.#engine;
  }

  async #track<T>(ticket: number, loading: Promise<T>, signal?: AbortSignal): Promise<T> {
    const cancel = () => this.#engine?.cancel(ticket);
    this.#loading.set(ticket, loading);
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      return await loading;
    } finally {
      signal?.removeEventListener("abort", cancel);
      this.#loading.delete(ticket);
    }
  }
}

const closed = (): SightlineError =>
  new SightlineError("ERR_SESSION_CLOSED", "the execution provider is not started or already closed");

function nativeOptions({
  intraOpThreads: _,
  signal: __,
  weights,
  ...native
}: LoadOptions): NativeLoadOptions {
  if (!weights) return native;
  const { file, tensors } = weights;
  if (!(file instanceof MappedWeightsFile)) {
    throw new SightlineError("ERR_ADDON_ARGUMENT", "weights must be mapped by the same provider");
  }
  return { ...native, weights: { file: file.id, tensors } };
}

function toSpec({ name, dtype, dims }: NativeSpec): TensorSpec {
  if (!Object.hasOwn(ARRAY_OF, dtype)) throw new SightlineError("ERR_MODEL_IO", `"${name}" is ${dtype}`);
  return { name, dtype: dtype as DType, dims };
}
