import type { SlotAccess } from "./slots.ts";

interface Deps {
  access: SlotAccess;
  nowMs(): number;
  /** Settles with a slot that is free for a batch which has begun. */
  resume(): Promise<number>;
}

/** The slot of a batch under way. While the batch only waits for others, somebody else has it. */
export class HeldSlot {
  readonly #deps: Deps;
  #slot: number;
  #sinceMs: number;

  constructor(deps: Deps, slot: number) {
    this.#deps = deps;
    this.#slot = slot;
    this.#sinceMs = deps.nowMs();
  }

  /** Where the batch runs now; it may be another one after `without`. */
  get slot(): number {
    return this.#slot;
  }

  /** Gives the slot back until `work` has settled, then goes on with one that is free. Settles as `work` does. */
  async without<T>(work: Promise<T>): Promise<T> {
    this.release();
    try {
      return await work;
    } finally {
      this.#slot = await this.#deps.resume();
      this.#sinceMs = this.#deps.nowMs();
    }
  }

  /** At the end of the batch. */
  release(): void {
    const { access, nowMs } = this.#deps;
    access.release(this.#slot, nowMs() - this.#sinceMs);
  }
}
