import { ChainSession } from "../session/chain-session.ts";
import type { RunOptions, Session, SessionMemory } from "../session/execution-provider.ts";
import type { NamedTensors, TensorSpec } from "../tensor/tensor.ts";

/**
 * A model whose weights are in memory two slices at a time: while one slice runs, the next one's come in, and those
 * of one that has run go. Runs take turns, or each would hold slices of its own.
 */
export class SlicedSession implements Session {
  readonly #chain: ChainSession;
  readonly #first: StreamedSlice | undefined;
  /** Ends with the run that came last, if it has not ended. */
  #last: Promise<void> | undefined;

  /** `slices` in order; `outputs` are the model's own. */
  constructor(slices: readonly Session[], outputs: readonly string[]) {
    const streamed = slices.map((slice) => new StreamedSlice(slice));
    for (const [i, slice] of streamed.entries()) slice.next = streamed[i + 1];
    this.#chain = new ChainSession(streamed, outputs);
    this.#first = streamed[0];
  }

  get inputs(): readonly TensorSpec[] {
    return this.#chain.inputs;
  }

  get outputs(): readonly TensorSpec[] {
    return this.#chain.outputs;
  }

  async run(slot: number, feeds: NamedTensors, options: RunOptions = {}): Promise<NamedTensors> {
    const { held } = options;
    const before = this.#last;
    const end = Promise.withResolvers<void>();
    this.#last = end.promise;
    try {
      if (before) await (held ? held.without(before) : before);
      return await this.#chain.run(held?.slot ?? slot, feeds, options);
    } finally {
      if (this.#last === end.promise) this.#last = undefined;
      end.resolve();
    }
  }

  unload(): Promise<void> {
    return this.#chain.unload();
  }

  memory(): SessionMemory {
    return this.#chain.memory();
  }

  /** Of the first slice; the others follow as they are needed. */
  async prefetch(): Promise<void> {
    await this.#first?.prefetch();
  }
}

/** A slice that brings in the next one's weights while it runs. */
class StreamedSlice implements Session {
  next: StreamedSlice | undefined;
  readonly #session: Session;
  /** Settles when its weights are in memory, after they were asked for. */
  #coming: Promise<void> | undefined;
  #isIn = false;

  constructor(session: Session) {
    this.#session = session;
  }

  get inputs(): readonly TensorSpec[] {
    return this.#session.inputs;
  }

  get outputs(): readonly TensorSpec[] {
    return this.#session.outputs;
  }

  async run(slot: number, feeds: NamedTensors, options: RunOptions = {}): Promise<NamedTensors> {
    const { held } = options;
    // Weights that came in after they were let go would stay.
    if (this.#coming && !this.#isIn) await (held ? held.without(this.#coming) : this.#coming);
    this.#coming = undefined;
    void this.next?.prefetch();
    return this.#session.run(held?.slot ?? slot, feeds, { ...options, releasePages: true });
  }

  unload(): Promise<void> {
    return this.#session.unload();
  }

  memory(): SessionMemory {
    return this.#session.memory();
  }

  prefetch(): Promise<void> {
    if (this.#coming) return this.#coming;
    this.#isIn = false;
    this.#coming = this.#session.prefetch().then(() => {
      this.#isIn = true;
    });
    return this.#coming;
  }
}
