import type { Bundle } from "../../models/bundle/bundle.ts";
import { type Clock, msBetween } from "../base/clock.ts";
import { SightlineError } from "../base/errors.ts";
import type { BundleReader } from "./bundle-reader.ts";
import type { CrashBook } from "./crash-book.ts";
import type { PlannedModel } from "./mode-plan.ts";
import type { Live, ModelEntry } from "./model-entry.ts";
import { digestOf, ModelVersion, type OpenedModel } from "./model-version.ts";
import { plannedModel, together } from "./planned-model.ts";
import type { Wanted } from "./residents.ts";
import { feedsFor } from "./stage-feeds.ts";
import { sumOf } from "./stage-need.ts";
import type { StagePool } from "./stage-pool.ts";

interface Deps<T> {
  clock: Clock;
  crashes: Pick<CrashBook, "quarantineOf" | "forgive">;
  pool: StagePool;
  reader: Pick<BundleReader, "read">;
  build(name: string, opened: OpenedModel): T;
}

/** Takes a model from its folder into memory. */
export class ModelOpener<T extends { close(): void }> {
  readonly #deps: Deps<T>;

  constructor(deps: Deps<T>) {
    this.#deps = deps;
  }

  /** What the configuration leads to now. Errors: those of `openBundle`. */
  read({ policy }: Pick<ModelEntry<T>, "policy">): Promise<Bundle> {
    return this.#deps.reader.read(policy);
  }

  /** What was in use before. A link may lead to another version by now, but frames go over only when that is asked for. */
  async readAgain(entry: ModelEntry<T>): Promise<Bundle> {
    if (!entry.bundle) return this.read(entry);
    try {
      return await this.#deps.reader.read({ ...entry.policy, bundle: entry.bundle.folder });
    } catch (error) {
      if (error instanceof SightlineError && error.code === "ERR_MODEL_MISSING") return this.read(entry);
      throw error;
    }
  }

  /** Makes its stages ready where that was never done. Errors: ERR_MODEL_QUARANTINED. */
  async prepare({ name }: ModelEntry<T>, bundle: Bundle): Promise<void> {
    const label = labelOf(name, bundle);
    const crash = this.#deps.crashes.quarantineOf(label);
    if (crash) {
      const { count, signal } = crash;
      const message = `${label} crashed the process ${count} times, most recently with signal ${signal}`;
      throw new SightlineError("ERR_MODEL_QUARANTINED", message);
    }
    const feeds = feedsFor(this.#deps.pool, bundle, label);
    for (const [i, stage] of bundle.stages.entries()) {
      await this.#deps.pool.prepare(stage, { feeds: () => feeds(i), label });
    }
  }

  planned({ name, policy }: ModelEntry<T>, bundle: Bundle | undefined): Promise<PlannedModel> {
    return plannedModel(this.#deps.pool, name, policy, bundle);
  }

  /** What opening it would take: the bytes of stages that no other model has open, and the model's runs. */
  async wanted(entry: ModelEntry<T>, bundle: Bundle, isStreaming: boolean): Promise<Wanted> {
    const { pool } = this.#deps;
    const missing = bundle.stages.filter((stage) => !pool.has(stage, { isStreaming }));
    const needs = await Promise.all(missing.map((stage) => pool.needOf(stage)));
    const inMode = needs.map(({ streaming, warm }) => (isStreaming && streaming) || warm);
    const { streaming, warm } = await this.planned(entry, bundle);
    return { bytes: sumOf(inMode, "residentBytes"), runs: (isStreaming && streaming) || warm };
  }

  /** Errors: those of `load` and `build`; then nothing of it stays. */
  async open(
    entry: ModelEntry<T>,
    bundle: Bundle,
    { isStreaming, onDamage }: { isStreaming: boolean; onDamage: (version: ModelVersion) => void },
  ): Promise<Live<T>> {
    const { build, clock, pool } = this.#deps;
    const begunNs = clock.nowNs();
    const version: ModelVersion = await ModelVersion.open(pool, bundle, {
      label: labelOf(entry.name, bundle),
      mode: { isStreaming },
      onDamage: () => onDamage(version),
    });
    try {
      const value = build(entry.name, version);
      entry.opened(msBetween(begunNs, clock.nowNs()));
      const needs = version.stages.map(({ need }) => need);
      return { version, value, runs: together(needs, { ...entry.policy, isStreaming }), leases: 0 };
    } catch (error) {
      await version.close();
      throw error;
    }
  }

  /** Whatever it did before, it may be opened again. */
  async forgive(entry: ModelEntry<T>): Promise<void> {
    await this.#deps.crashes.forgive(labelOf(entry.name, await this.readAgain(entry)));
  }
}

/** At most 100 bytes, as the flight record holds. */
const labelOf = (name: string, bundle: Bundle): string =>
  `${name}@${bundle.manifest.version.slice(0, 20)}#${digestOf(bundle).slice(0, 12)}`;
