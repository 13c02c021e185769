import { SightlineError } from "../base/errors.ts";
import type { NativeEngine, NativeOutput } from "../native/index.ts";
import { ARRAY_OF, type NamedTensors, type Tensor, type TensorSpec } from "../tensor/tensor.ts";
import { checkFeeds, checkFetches } from "./check-tensors.ts";
import type { RunOptions, Session, SessionMemory } from "./execution-provider.ts";
import type { Tickets } from "./tickets.ts";

interface Deps {
  engine: NativeEngine;
  tickets: Tickets;
  onUnloaded: () => void;
}

interface Loaded {
  /** The engine's number for it. */
  id: number;
  inputs: readonly TensorSpec[];
  outputs: readonly TensorSpec[];
}

/** A model loaded into the native engine. */
export class CpuSession implements Session {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly #deps: Deps;
  readonly #id: number;
  readonly #running = new Set<number>();
  #unloading: Promise<void> | undefined;

  constructor(deps: Deps, loaded: Loaded) {
    this.#deps = deps;
    this.#id = loaded.id;
    this.inputs = loaded.inputs;
    this.outputs = loaded.outputs;
  }

  async run(slot: number, feeds: NamedTensors, options: RunOptions = {}): Promise<NamedTensors> {
    if (this.#unloading) throw new SightlineError("ERR_SESSION_CLOSED", "the session is unloaded");
    if (options.signal?.aborted)
      throw new SightlineError("ERR_SESSION_CANCELLED", "cancelled before it began");
    const given = options.outputs ?? {};
    const inputs = checkFeeds(this.inputs, feeds);
    const fetches = checkFetches(this.outputs, given);
    const { engine, tickets } = this.#deps;
    const ticket = tickets.take();
    const running = engine.run(ticket, slot, this.#id, inputs, fetches, options.releasePages ?? false);
    this.#running.add(ticket);
    const results = await this.#withLimits(ticket, running, options);
    return this.#name(results, given);
  }

  memory(): SessionMemory {
    return this.#deps.engine.memory(this.#id);
  }

  async prefetch(): Promise<void> {
    const { engine, tickets } = this.#deps;
    if (!this.#unloading) await engine.prefetch(tickets.take(), this.#id);
  }

  /** Ends every run under way with ERR_SESSION_CANCELLED. */
  cancelAll(): void {
    for (const ticket of this.#running) this.#deps.engine.cancel(ticket);
  }

  unload(): Promise<void> {
    this.#unloading ??= this.#release();
    return this.#unloading;
  }

  async #release(): Promise<void> {
    await this.#deps.engine.unload(this.#deps.tickets.take(), this.#id);
    this.#deps.onUnloaded();
  }

  /** Cancels the run when its time is up or its caller says so, and tells the two apart. */
  async #withLimits<T>(ticket: number, running: Promise<T>, options: RunOptions): Promise<T> {
    const { timeLimitMs, signal } = options;
    let timedOut = false;
    const cancel = (): boolean => this.#deps.engine.cancel(ticket);
    const onTime = (): void => {
      timedOut = cancel();
    };
    const timer = timeLimitMs === undefined ? undefined : setTimeout(onTime, timeLimitMs);
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      return await running;
    } catch (error) {
      if (!timedOut) throw error;
      throw new SightlineError("ERR_SESSION_TIMEOUT", `the run took longer than ${timeLimitMs} ms`);
    } finally {
      this.#running.delete(ticket);
      clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
    }
  }

  #name(results: readonly (NativeOutput | null)[], given: NamedTensors): NamedTensors {
    const named: NamedTensors = {};
    for (const [i, spec] of this.outputs.entries()) {
      const result = results[i];
      const tensor = result ? toTensor(spec, result) : given[spec.name];
      if (tensor) named[spec.name] = tensor;
    }
    return named;
  }
}

const toTensor = ({ dtype }: TensorSpec, { dims, buffer }: NativeOutput): Tensor => ({
  dtype,
  dims,
  data: new ARRAY_OF[dtype](buffer),
});
