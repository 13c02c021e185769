import type { HeldSlot } from "../session/execution-provider.ts";
import type { NamedTensors } from "../tensor/tensor.ts";

interface Shared {
  result: Promise<NamedTensors>;
  /** Models that have not taken it yet. */
  waiting: number;
}

/**
 * Runs a stage once for several models that look at the same thing. What it made is kept until each of them has
 * taken it, or what they look at is gone.
 */
export class SharedRuns {
  readonly #users: () => number;
  readonly #runs = new WeakMap<object, Map<string, Shared>>();

  /** `users` says how many models have the stage. */
  constructor(users: () => number) {
    this.#users = users;
  }

  /**
   * What the stage makes of what `key` stands for. `prefix` tells apart what came before it: the same stage behind
   * others is fed with something else. A run that fails is the failure of whoever began it; the others try again.
   * While they wait for it, the others give up the slot that they hold.
   */
  async run(
    key: object,
    prefix: string,
    run: () => Promise<NamedTensors>,
    held?: HeldSlot,
  ): Promise<NamedTensors> {
    const runs = this.#runs.get(key) ?? new Map<string, Shared>();
    const found = runs.get(prefix);
    if (found) {
      return this.#take(found, { runs, prefix, run, held });
    }
    const others = this.#users() - 1;
    if (others < 1) return run();
    const shared = { result: run(), waiting: others };
    runs.set(prefix, shared);
    this.#runs.set(key, runs);
    return shared.result;
  }

  async #take(
    shared: Shared,
    {
      held,
      run,
      runs,
      prefix,
    }: {
      runs: Map<string, Shared>;
      prefix: string;
      run: () => Promise<NamedTensors>;
      held: HeldSlot | undefined;
    },
  ): Promise<NamedTensors> {
    shared.waiting--;
    if (shared.waiting < 1) runs.delete(prefix);
    try {
      return await (held ? held.without(shared.result) : shared.result);
    } catch {
      return run();
    }
  }
}
