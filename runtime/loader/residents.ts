import { SightlineError } from "../base/errors.ts";
import { formatBytes } from "../base/units.ts";
import type { Live, ModelEntry } from "./model-entry.ts";
import type { ModelEvent } from "./model-status.ts";
import type { StageCache } from "./prepared/prepared-cache.ts";
import { peakOf, type RunNeed } from "./run-need.ts";
import type { StagePool } from "./stage-pool.ts";

interface Deps<T> {
  pool: StagePool;
  cache: Pick<StageCache, "drop">;
  entries: ReadonlyMap<string, ModelEntry<T>>;
  tell(entry: ModelEntry<T>, type: ModelEvent["type"]): void;
}

export interface Budgets {
  /** For weights and sessions of all models. */
  budgetBytes: number;
  /** For tensors between layers, of all runs that may be under way at once. */
  activationBytes: number;
  slots: number;
}

/** What is to be opened: bytes that are not in memory yet, and the runs that come with it. */
export interface Wanted {
  bytes: number;
  runs: RunNeed;
}

export type Claims<T> = Map<ModelEntry<T>, Live<T>>;

/** The models that are in memory: who uses them, and who makes room for others. */
export class Residents<T extends { close(): void }> {
  readonly #deps: Deps<T>;
  readonly #budgets: Budgets;
  /** Every version in memory, those that are about to go among them. */
  readonly #open = new Set<Live<T>>();
  /** Versions that give their memory back once their last frame has ended. */
  readonly #closing = new Set<Live<T>>();

  constructor(deps: Deps<T>, budgets: Budgets) {
    this.#deps = deps;
    this.#budgets = budgets;
  }

  /** The version of the model that frames use from now on. */
  install(entry: ModelEntry<T>, live: Live<T>): void {
    this.#open.add(live);
    entry.live = live;
  }

  /** Keeps those of the models that are ready until they are released. */
  claim(entries: readonly ModelEntry<T>[]): Claims<T> {
    const claims: Claims<T> = new Map();
    for (const entry of entries) if (entry.live && entry.isReady) this.hold(entry, entry.live, claims);
    return claims;
  }

  hold(entry: ModelEntry<T>, live: Live<T>, claims: Claims<T>): void {
    live.leases++;
    clearTimeout(live.idle);
    claims.set(entry, live);
  }

  release(entry: ModelEntry<T>, live: Live<T>): void {
    live.leases--;
    if (live.leases > 0) return;
    if (live.closing) void this.#close(entry, live);
    else this.#waitIdle(entry, live);
  }

  /** Takes the model's place in memory away; resolves once its last frame has ended and its memory is given back. */
  async evict(entry: ModelEntry<T>): Promise<void> {
    const { live } = entry;
    if (live) await this.retire(entry, live);
  }

  /** The same of one version, be it the one in use or not. */
  retire(entry: ModelEntry<T>, live: Live<T>): Promise<void> {
    if (!live.closing) {
      live.closing = Promise.withResolvers<void>();
      this.#closing.add(live);
      if (live.leases === 0) void this.#close(entry, live);
    }
    return live.closing.promise;
  }

  /** Once all that were told to go have gone. */
  async settled(): Promise<void> {
    await Promise.all([...this.#closing].map(({ closing }) => closing?.promise));
  }

  /** Those of pinned models other than these, which never make room. */
  pinned(except: readonly ModelEntry<T>[]): Live<T>[] {
    return this.#all
      .filter(({ policy }) => policy.pin)
      .filter((each) => !except.includes(each))
      .flatMap(({ live }) => live ?? []);
  }

  get #all(): ModelEntry<T>[] {
    return [...this.#deps.entries.values()];
  }

  /** Whether it fits beside all that is there. */
  hasRoom({ bytes, runs }: Wanted): boolean {
    const { activationBytes, budgetBytes, slots } = this.#budgets;
    const all = [...this.#open].map((live) => live.runs);
    return (
      this.#deps.pool.residentBytes + bytes <= budgetBytes && peakOf([...all, runs], slots) <= activationBytes
    );
  }

  /**
   * Evicts what was used least recently until there is room. What is `wanted` is asked for again after each eviction: a
   * stage that was shared may have gone with it. Errors: ERR_MODEL_BUDGET when nothing is left to evict.
   */
  async makeRoom(wanted: () => Promise<Wanted>, keep: readonly ModelEntry<T>[]): Promise<void> {
    for (let now = await wanted(); !this.hasRoom(now); now = await wanted()) {
      const victim = this.#leastRecent(keep);
      if (victim) await this.evict(victim);
      else if (this.#closing.size > 0)
        await Promise.race([...this.#closing].map(({ closing }) => closing?.promise));
      else throw this.#noRoom(now);
    }
  }

  #leastRecent(keep: readonly ModelEntry<T>[]): ModelEntry<T> | undefined {
    const free = this.#all.filter((each) => each.isReady && !each.policy.pin && !keep.includes(each));
    const idle = free.filter(({ live }) => live?.leases === 0);
    return (idle.length > 0 ? idle : free).toSorted((a, b) => a.usedAt - b.usedAt)[0];
  }

  #noRoom({ bytes, runs }: Wanted): SightlineError {
    const { activationBytes, budgetBytes } = this.#budgets;
    const used = formatBytes(this.#deps.pool.residentBytes);
    const message = `${formatBytes(bytes)} more are needed, but ${used} of ${formatBytes(budgetBytes)} are in use; a run needs ${formatBytes(runs.activationBytes)} for tensors, all runs may have ${formatBytes(activationBytes)}`;
    return new SightlineError("ERR_MODEL_BUDGET", message);
  }

  #waitIdle(entry: ModelEntry<T>, live: Live<T>): void {
    const { idleUnloadMs } = entry.policy;
    if (idleUnloadMs === undefined || entry.live !== live) return;
    live.idle = setTimeout(() => void this.retire(entry, live), idleUnloadMs).unref();
  }

  /** Never fails: what cannot be given back is the engine's matter, and the model is gone for us. */
  async #close(entry: ModelEntry<T>, live: Live<T>): Promise<void> {
    clearTimeout(live.idle);
    const damaged = live.version.stages.filter(({ file }) => file && !file.isIntact());
    live.value.close();
    await live.version.close().catch(() => {});
    for (const { stage } of damaged) await this.#deps.cache.drop(stage).catch(() => {});
    if (entry.live === live) {
      entry.live = undefined;
      entry.evictions++;
      this.#deps.tell(entry, "unloaded");
    }
    this.#open.delete(live);
    this.#closing.delete(live);
    live.closing?.resolve();
  }
}
