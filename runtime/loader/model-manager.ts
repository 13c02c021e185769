import type { Bundle } from "../../models/bundle/bundle.ts";
import type { Clock } from "../base/clock.ts";
import { SightlineError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { Turns } from "../base/turns.ts";
import type { ExecutionProvider } from "../session/execution-provider.ts";
import type { BundleReader } from "./bundle-reader.ts";
import type { CrashBook } from "./crash-book.ts";
import { type Limits, planModes } from "./mode-plan.ts";
import { type Live, ModelEntry, type ModelPolicy } from "./model-entry.ts";
import { ModelOpener } from "./model-opener.ts";
import type {
  ModelControl,
  ModelDescription,
  ModelEvent,
  ModelLeases,
  ModelMemory,
  ModelStatus,
} from "./model-status.ts";
import { digestOf, type ModelVersion, type OpenedModel } from "./model-version.ts";
import type { StageCache } from "./prepared/prepared-cache.ts";
import { type Claims, Residents } from "./residents.ts";
import { StagePool } from "./stage-pool.ts";
import { tensorSpecs } from "./tensor-specs.ts";

export interface ModelManagerOptions {
  models: Readonly<Record<string, ModelPolicy>>;
  /** For weights and sessions of all models. */
  budgetBytes: number;
  /** For tensors between layers, of all runs that may be under way at once. */
  activationBytes: number;
}

/** What a version in memory is built into. */
export interface Built {
  /** Errors: those of a run. */
  warmUp(): Promise<void>;
  close(): void;
}

interface Deps<T> {
  provider: ExecutionProvider;
  clock: Clock;
  logger: Logger;
  crashes: Pick<CrashBook, "quarantineOf" | "forgive">;
  reader: Pick<BundleReader, "start" | "read">;
  cache: StageCache;
  /** Called for each version that was opened; what it returns is closed when the version is gone. */
  build(name: string, opened: OpenedModel): T;
}

/**
 * Has models in memory while frames use them. A frame leases all of its models at once; what is missing is opened,
 * and what was used least recently makes room, once no frame has it. Models that are open are leased at once,
 * whatever else is being opened; whoever needs one opened takes a turn, so that no two wait for each other's room.
 */
export class ModelManager<T extends Built> implements ModelControl {
  readonly #deps: Deps<T>;
  readonly #options: ModelManagerOptions;
  readonly #pool: StagePool;
  readonly #opener: ModelOpener<T>;
  readonly #entries: Map<string, ModelEntry<T>>;
  readonly #residents: Residents<T>;
  readonly #listeners = new Set<(event: ModelEvent) => void>();
  readonly #turns = new Turns();
  #uses = 0;
  #isStopped = false;

  constructor(deps: Deps<T>, options: ModelManagerOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#pool = new StagePool(deps);
    this.#opener = new ModelOpener({ ...deps, pool: this.#pool });
    this.#entries = new Map(
      Object.entries(options.models).map(([name, policy]) => [name, new ModelEntry<T>(name, policy)]),
    );
    this.#residents = new Residents(
      {
        pool: this.#pool,
        cache: deps.cache,
        entries: this.#entries,
        tell: (entry, type) => this.#tell(entry, type),
      },
      { ...options, slots: deps.provider.slots },
    );
  }

  /** Opens pinned models, then those to be preloaded as far as there is room. Errors: those of opening them. */
  async start(): Promise<void> {
    await this.#deps.reader.start();
    await this.#deps.cache.sweep(this.#deps.clock.wallMs());
    const entries = [...this.#entries.values()];
    const pinned = entries.filter(({ policy }) => policy.pin);
    const others = entries.filter(({ policy }) => policy.preload && !policy.pin);
    for (const entry of [...pinned, ...others]) await this.#preload(entry);
  }

  /** Calls `listener` with what happens to models; returns a function that ends this. */
  onEvent(listener: (event: ModelEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * All of the models, or none. Errors: ERR_MODEL_UNKNOWN, ERR_MODEL_QUARANTINED, ERR_MODEL_BUDGET, those of opening
   * a model, which are repeated for a moment rather than tried with every frame; ERR_SESSION_CLOSED after `stop`.
   */
  async lease(names: readonly string[]): Promise<ModelLeases<T>> {
    const entries = [...new Set(names)].map((name) => this.#entry(name));
    this.#refuse(entries);
    if (entries.every(({ isReady }) => isReady)) return this.#grant(this.#residents.claim(entries));
    return this.#turns.take(async () => this.#grant(await this.#openMissing(entries)));
  }

  async load(name: string): Promise<ModelStatus> {
    const entry = this.#entry(name);
    if (entry.isQuarantined) {
      await this.#opener.forgive(entry);
      entry.isQuarantined = false;
      this.#tell(entry, "released");
    }
    entry.retry();
    (await this.lease([name])).release();
    return entry.status();
  }

  async unload(name: string): Promise<ModelStatus> {
    const entry = this.#entry(name);
    await this.#turns.take(() => this.#residents.evict(entry));
    return entry.status();
  }

  /**
   * Frames go over to what `source` leads to now; left out: to what it led to before. A model that this leads to already
   * stays as it is, unless it is to be built anew. Errors: those of opening it; the old version goes on then.
   */
  async activate(
    name: string,
    source: Partial<ModelPolicy> = {},
    { isAnew = false }: { isAnew?: boolean } = {},
  ): Promise<ModelStatus> {
    const entry = this.#entry(name);
    try {
      await this.#turns.take(() => this.#switch(entry, { ...entry.policy, ...source }, { isAnew }));
    } catch (error) {
      const wrapped = SightlineError.wrap("ERR_MODEL_LOAD", error);
      this.#note(entry, wrapped);
      this.#tell(entry, "activation_failed", wrapped);
      throw wrapped;
    }
    return entry.status();
  }

  /**
   * Gets ready for `models` in place of those that there are; they differ in those that are `changed`. `finish` lets those
   * go that are no more. Errors: those of reading a bundle, and nothing has changed then.
   */
  async prepare(
    models: Readonly<Record<string, ModelPolicy>>,
    changed: readonly string[],
  ): Promise<{ apply(): Promise<void>; finish(): Promise<void> }> {
    const wanted = changed.flatMap((name) => (models[name] ? [[name, models[name]] as const] : []));
    for (const [, policy] of wanted) await this.#opener.read({ policy });
    const apply = async () => {
      for (const [name, policy] of wanted) await this.#become(name, policy);
    };
    const finish = async () => {
      for (const name of changed.filter((each) => !models[each])) await this.#forget(name);
    };
    return { apply, finish };
  }

  /** What the model takes and makes. It is neither opened for that nor kept open. Errors: those of reading its bundle. */
  async describe(name: string): Promise<ModelDescription> {
    const entry = this.#entry(name);
    const bundle = entry.bundle ?? (await this.#opener.read(entry));
    const specs = entry.live?.version.session ?? (await tensorSpecs(bundle));
    const { inputs, outputs } = specs;
    return { version: bundle.manifest.version, inputs, outputs, isWhole: bundle.stages.length === 1 };
  }

  status(): ModelStatus[] {
    return [...this.#entries.values()].map((entry) => entry.status());
  }

  memory(): ModelMemory {
    const { activationBytes, activationPeakBytes, heldBytes, weightsBytes } = this.#deps.provider.memory();
    const used = activationBytes + weightsBytes;
    return {
      resident_bytes: this.#pool.residentBytes,
      budget_bytes: this.#options.budgetBytes,
      activation_bytes: activationBytes,
      activation_peak_bytes: activationPeakBytes,
      activation_budget_bytes: this.#options.activationBytes,
      held_bytes: heldBytes,
      fragmentation: heldBytes > 0 ? Math.max(0, 1 - used / heldBytes) : 0,
    };
  }

  /** Gives all memory back once no frame has a lease. May be called twice. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#turns.take(async () => {
      await Promise.all([...this.#entries.values()].map((entry) => this.#residents.evict(entry)));
      await this.#residents.settled();
    });
  }

  #entry(name: string): ModelEntry<T> {
    const entry = this.#entries.get(name);
    if (entry) return entry;
    throw new SightlineError("ERR_MODEL_UNKNOWN", `there is no model "${name}"`);
  }

  #refuse(entries: readonly ModelEntry<T>[]): void {
    if (this.#isStopped) throw new SightlineError("ERR_SESSION_CLOSED", "the daemon is stopping");
    const nowMs = this.#nowMs();
    for (const entry of entries) {
      const failure = entry.isReady ? undefined : entry.failureAt(nowMs);
      if (failure) throw failure;
    }
  }

  #grant(claims: Claims<T>): ModelLeases<T> {
    const byName = new Map([...claims].map(([{ name }, { value }]) => [name, value]));
    for (const entry of claims.keys()) entry.usedAt = ++this.#uses;
    let isReleased = false;
    return {
      of: (name) => {
        const value = byName.get(name);
        if (value === undefined) throw new SightlineError("ERR_MODEL_UNKNOWN", `no lease of "${name}"`);
        return value;
      },
      release: () => {
        if (isReleased) return;
        isReleased = true;
        for (const [entry, live] of claims) this.#residents.release(entry, live);
      },
    };
  }

  /**
   * Opens what is missing. It may wait for frames to end, never for another who opens: it has the turn.
   * Errors: as `lease`.
   */
  async #openMissing(entries: readonly ModelEntry<T>[]): Promise<Claims<T>> {
    this.#refuse(entries);
    for (const { live } of entries) await live?.closing?.promise;
    const claims = this.#residents.claim(entries);
    const missing = entries.filter((entry) => !claims.has(entry));
    for (const entry of missing) entry.isOpening = true;
    try {
      for (const entry of missing) {
        entry.bundle = await this.#opener.readAgain(entry);
        await this.#opener.prepare(entry, entry.bundle);
      }
      const modes = await this.#plan(entries);
      await this.#closeOthers(claims, modes);
      for (const entry of entries) {
        if (!claims.has(entry)) await this.#openInto(claims, entry, { modes, keep: entries });
      }
      return claims;
    } catch (error) {
      const wrapped = SightlineError.wrap("ERR_MODEL_LOAD", error);
      for (const entry of missing) if (!claims.has(entry)) this.#failed(entry, wrapped);
      for (const [entry, live] of claims) this.#residents.release(entry, live);
      throw wrapped;
    } finally {
      for (const entry of missing) entry.isOpening = false;
    }
  }

  async #plan(entries: readonly ModelEntry<T>[]): Promise<Map<string, boolean>> {
    const models = await Promise.all(entries.map((entry) => this.#opener.planned(entry, entry.bundle)));
    return planModes(models, this.#limits(this.#residents.pinned(entries)));
  }

  /** What is left beside these, which stay. */
  #limits(beside: readonly Live<T>[]): Limits {
    const { activationBytes, budgetBytes } = this.#options;
    const takenBytes = beside.reduce((sum, { version }) => sum + version.need("residentBytes"), 0);
    return {
      residentBytes: budgetBytes - takenBytes,
      activationBytes,
      slots: this.#deps.provider.slots,
      beside: beside.map(({ runs }) => runs),
    };
  }

  /** Those of the models that are open in another way than they have to be now. */
  async #closeOthers(claims: Claims<T>, modes: ReadonlyMap<string, boolean>): Promise<void> {
    for (const [entry, live] of [...claims]) {
      if (live.version.isStreaming === modes.get(entry.name)) continue;
      claims.delete(entry);
      this.#residents.release(entry, live);
      await this.#residents.retire(entry, live);
    }
  }

  async #openInto(
    claims: Claims<T>,
    entry: ModelEntry<T>,
    { keep, modes }: { keep: readonly ModelEntry<T>[]; modes: ReadonlyMap<string, boolean> },
  ): Promise<void> {
    const { bundle } = entry;
    if (!bundle) return;
    const isStreaming = modes.get(entry.name) ?? false;
    await this.#residents.makeRoom(() => this.#opener.wanted(entry, bundle, isStreaming), keep);
    const live = await this.#open(entry, bundle, isStreaming);
    this.#residents.install(entry, live);
    entry.succeeded();
    this.#residents.hold(entry, live, claims);
    this.#tell(entry, "loaded");
  }

  #open(entry: ModelEntry<T>, bundle: Bundle, isStreaming: boolean): Promise<Live<T>> {
    const onDamage = (version: ModelVersion) => this.#leaveDamaged(entry, version);
    return this.#opener.open(entry, bundle, { isStreaming, onDamage });
  }

  async #forget(name: string): Promise<void> {
    await this.unload(name);
    this.#entries.delete(name);
  }

  /** A model that cannot be opened as it is wanted now goes on as it was, and an event says why. */
  async #become(name: string, policy: ModelPolicy): Promise<void> {
    if (this.#entries.get(name)?.live) {
      await this.activate(name, policy, { isAnew: true }).catch(() => {});
    } else {
      const fresh = new ModelEntry<T>(name, policy);
      this.#entries.set(name, fresh);
      if (policy.pin || policy.preload) await this.#preload(fresh).catch(() => {});
    }
  }

  /** Opened beside the version in use, and run once, before frames go over to it. */
  async #switch(entry: ModelEntry<T>, policy: ModelPolicy, { isAnew }: { isAnew: boolean }): Promise<void> {
    const { bundle: before, live: old } = entry;
    const bundle = await this.#opener.read({ policy });
    const isOther = bundle.folder !== before?.folder || digestOf(bundle) !== digestOf(before);
    if (!isOther && !isAnew) return;
    await this.#opener.prepare(entry, bundle);
    const isStreaming = await this.#planBeside(entry, bundle);
    await this.#residents.makeRoom(() => this.#opener.wanted(entry, bundle, isStreaming), [entry]);
    const live = await this.#open(entry, bundle, isStreaming);
    await this.#warmUp(live);
    this.#residents.install(entry, live);
    entry.bundle = bundle;
    entry.policy = policy;
    entry.isQuarantined = false;
    entry.succeeded();
    if (old) void this.#residents.retire(entry, old);
    this.#tell(entry, "activated");
  }

  /** Both versions are in memory for a moment. */
  async #planBeside(entry: ModelEntry<T>, bundle: Bundle): Promise<boolean> {
    const beside = this.#residents.pinned([entry]).concat(entry.live ?? []);
    const planned = await this.#opener.planned(entry, bundle);
    return planModes([planned], this.#limits(beside)).get(entry.name) ?? false;
  }

  async #warmUp(live: Live<T>): Promise<void> {
    try {
      await live.value.warmUp();
    } catch (error) {
      live.value.close();
      await live.version.close();
      throw error;
    }
  }

  /** One that does not fit beside those before it stays cold, and so does one in quarantine. */
  async #preload(entry: ModelEntry<T>): Promise<void> {
    await this.#turns.take(async () => {
      try {
        entry.bundle = await this.#opener.read(entry);
        await this.#opener.prepare(entry, entry.bundle);
        const wanted = await this.#opener.wanted(entry, entry.bundle, false);
        if (!entry.policy.pin && !this.#residents.hasRoom(wanted)) return;
        const lease = this.#grant(await this.#openMissing([entry]));
        await lease.of(entry.name).warmUp().finally(lease.release);
      } catch (error) {
        const wrapped = SightlineError.wrap("ERR_MODEL_LOAD", error);
        if (wrapped.code !== "ERR_MODEL_QUARANTINED") throw wrapped;
        this.#failed(entry, wrapped);
      }
    });
  }

  #leaveDamaged(entry: ModelEntry<T>, version: ModelVersion): void {
    if (entry.live?.version !== version || entry.live.closing) return;
    this.#deps.logger.error(
      { model: entry.name },
      "the model's weights changed in memory; it is opened again",
    );
    void this.#residents.retire(entry, entry.live);
  }

  #failed(entry: ModelEntry<T>, error: SightlineError): void {
    this.#note(entry, error);
    const isQuarantined = error.code === "ERR_MODEL_QUARANTINED";
    if (!isQuarantined) this.#tell(entry, "open_failed", error);
    else if (!entry.isQuarantined) this.#tell(entry, "quarantined", error);
    entry.isQuarantined = isQuarantined;
  }

  #note(entry: ModelEntry<T>, error: SightlineError): void {
    entry.failed(error, { nowMs: this.#nowMs(), wallMs: this.#deps.clock.wallMs() });
  }

  #tell(entry: ModelEntry<T>, type: ModelEvent["type"], error?: SightlineError): void {
    const version = entry.bundle?.manifest.version ?? null;
    const event = { model: entry.name, type, version, error: error?.toRecord() ?? null };
    this.#deps.logger.info(event, "model");
    for (const listener of this.#listeners) listener(event);
  }

  #nowMs(): number {
    return Number(this.#deps.clock.nowNs()) / 1e6;
  }
}
