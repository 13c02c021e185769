import { SightlineError } from "../base/errors.ts";
import { formatBytes } from "../base/units.ts";
import type { Live, ModelEntry } from "./model-entry.ts";
import type { ModelEvent } from "./model-status.ts";
import type { StageCache } from "./prepared/prepared-cache.ts";
import type { StagePool } from "./stage-pool.ts";

interface Deps<T> {
  pool: StagePool;
  cache: Pick<StageCache, "drop">;
  entries: readonly ModelEntry<T>[];
  tell(entry: ModelEntry<T>, type: ModelEvent["type"]): void;
}

export type Claims<T> = Map<ModelEntry<T>, Live<T>>;

/** The models that are in memory: who uses them, and who makes room for others. */
export class Residents<T extends { close(): void }> {
  readonly #deps: Deps<T>;
  readonly #budgetBytes: number;
  /** Versions that give their memory back once their last frame has ended. */
  readonly #going = new Set<Live<T>>();

  constructor(deps: Deps<T>, { budgetBytes }: { budgetBytes: number }) {
    this.#deps = deps;
    this.#budgetBytes = budgetBytes;
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
    if (live.going) void this.#close(entry, live);
    else this.#waitIdle(entry, live);
  }

  /** Takes the model's place in memory away; resolves once its last frame has ended and its memory is given back. */
  async evict(entry: ModelEntry<T>): Promise<void> {
    const { live } = entry;
    if (live) await this.retire(entry, live);
  }

  /** The same of one version, be it the one in use or not. */
  retire(entry: ModelEntry<T>, live: Live<T>): Promise<void> {
    if (!live.going) {
      live.going = Promise.withResolvers<void>();
      this.#going.add(live);
      if (live.leases === 0) void this.#close(entry, live);
    }
    return live.going.promise;
  }

  /** Once all that were told to go have gone. */
  async settled(): Promise<void> {
    await Promise.all([...this.#going].map(({ going }) => going?.promise));
  }

  /** Of pinned models other than these, which never make room. */
  pinnedBytes(except: readonly ModelEntry<T>[]): number {
    const pinned = this.#deps.entries
      .filter(({ policy }) => policy.pin)
      .filter((each) => !except.includes(each));
    return pinned.reduce((sum, { live }) => sum + (live?.version.need("residentBytes") ?? 0), 0);
  }

  /** Whether so much fits beside all that is there. */
  hasRoom(bytes: number): boolean {
    return this.#deps.pool.residentBytes + bytes <= this.#budgetBytes;
  }

  /** Evicts what was used least recently until there is room. Errors: ERR_MODEL_BUDGET when that is not enough. */
  async makeRoom(bytes: number, keep: readonly ModelEntry<T>[]): Promise<void> {
    while (!this.hasRoom(bytes)) {
      const victim = this.#leastRecent(keep);
      if (victim) await this.evict(victim);
      else if (this.#going.size > 0) await Promise.race([...this.#going].map(({ going }) => going?.promise));
      else throw this.#noRoom(bytes);
    }
  }

  #leastRecent(keep: readonly ModelEntry<T>[]): ModelEntry<T> | undefined {
    const free = this.#deps.entries.filter(
      (each) => each.isReady && !each.policy.pin && !keep.includes(each),
    );
    const idle = free.filter(({ live }) => live?.leases === 0);
    return (idle.length > 0 ? idle : free).toSorted((a, b) => a.usedAt - b.usedAt)[0];
  }

  #noRoom(bytes: number): SightlineError {
    const used = formatBytes(this.#deps.pool.residentBytes);
    const message = `${formatBytes(bytes)} more are needed, ${used} of ${formatBytes(this.#budgetBytes)} are taken`;
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
    this.#going.delete(live);
    live.going?.resolve();
  }
}
