import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { modelsOf, stagesOf } from "../../config/schema/pipelines.ts";
import type { Config } from "../../config/schema/schema.ts";
import { machineTargets } from "../../models/bundle/targets.ts";
import type { Clock } from "../../runtime/base/clock.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import { Semaphore } from "../../runtime/base/semaphore.ts";
import { BundleReader } from "../../runtime/loader/bundle-reader.ts";
import { CrashBook } from "../../runtime/loader/crash-book.ts";
import type { ModelPolicy } from "../../runtime/loader/model-entry.ts";
import { ModelManager } from "../../runtime/loader/model-manager.ts";
import type { OpenedModel } from "../../runtime/loader/model-version.ts";
import { PreparedCache } from "../../runtime/loader/prepared/prepared-cache.ts";
import { cpuFeatures, type Kernels } from "../../runtime/native/index.ts";
import { type Admit, admitBy } from "../../runtime/pipeline/admission.ts";
import { frameModels } from "../../runtime/pipeline/frame-models.ts";
import { type BuiltModel, buildModel } from "../../runtime/pipeline/open-model.ts";
import { BatchLog, type BatchRecord } from "../../runtime/scheduler/batch-log.ts";
import { Slots } from "../../runtime/scheduler/slots.ts";
import { CpuExecutionProvider } from "../../runtime/session/cpu-provider.ts";
import type { Part, PartChange } from "./part.ts";
import { maxBatchOf, schedulingOf } from "./scheduling.ts";

interface Deps {
  clock: Clock;
  logger: Logger;
  kernels: Kernels;
}

type Model = Config["models"][string];

/** The engine, and the models that it runs. */
export class ModelsPart implements Part {
  readonly name = "models";
  readonly sections = ["models", "pipelines"] as const;
  readonly provider: CpuExecutionProvider;
  readonly batches = new BatchLog();
  readonly manager: ModelManager<BuiltModel>;
  readonly #deps: Deps;
  readonly #crashes: CrashBook;
  readonly #slots: Slots;
  readonly #permits: Semaphore;
  /** Those that are open, by the name in the configuration; while a model goes over to another version both. */
  readonly #built = new Set<{ name: string; model: BuiltModel }>();
  #config: Config;

  constructor(deps: Deps, config: Config) {
    const { engine, models, store } = config;
    this.#deps = deps;
    this.#config = config;
    const folder = join(store.path, "models");
    this.#crashes = new CrashBook({ folder });
    this.provider = new CpuExecutionProvider({
      slots: engine.slots === "auto" ? availableParallelism() : engine.slots,
      intraOpThreads: engine.threads_per_slot,
      library: engine.library,
      recordPath: this.#crashes.recordPath,
    });
    this.#slots = new Slots(this.provider.slots);
    this.#permits = new Semaphore(this.inFlight);
    const machine = [process.arch, ...cpuFeatures(), `${engine.threads_per_slot}`];
    this.manager = new ModelManager<BuiltModel>(
      {
        ...{ ...deps, provider: this.provider, crashes: this.#crashes },
        reader: new BundleReader({ folder, targets: machineTargets(process.arch, cpuFeatures()) }),
        cache: new PreparedCache(this.provider, { folder, machine }),
        build: (name, opened) => this.#build(name, opened),
      },
      {
        models: policiesOf(models),
        budgetBytes: bytesOf(engine.model_budget, 1 / 2),
        activationBytes: bytesOf(engine.activation_budget, 1 / 4),
      },
    );
  }

  /** Of one frame's tiles or crops: one is ready to go when a slot ends another. */
  get runsPerFrame(): number {
    return this.provider.slots + 1;
  }

  /** Two more than there are slots: while they run, one frame is decoded and one is ready to go. */
  get inFlight(): number {
    return this.provider.slots + 2;
  }

  /** Errors: ERR_ORT_LIBRARY, those of opening pinned models, ERR_SESSION_CANCELLED. */
  async start(signal: AbortSignal): Promise<void> {
    await this.#crashes.start(this.#deps.clock.wallMs());
    this.provider.start();
    // Loads under way end with the engine; what a load takes, nobody can say beforehand.
    const cancel = () => void this.provider.close();
    signal.addEventListener("abort", cancel, { once: true });
    try {
      await this.manager.start();
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  async stop(): Promise<void> {
    await this.manager.stop();
    await this.provider.close();
    await this.#crashes.stop();
  }

  /** How frames that need these models are admitted. */
  admit(names: readonly string[]): Admit {
    const lease = async () => frameModels(await this.manager.lease(names), names);
    return admitBy({ permits: this.#permits, lease });
  }

  maxBatchOf(name: string): number {
    return maxBatchOf(this.#config.models[name]);
  }

  /** Goes over to another variant or bundle of a model; without either back to the configuration's. */
  activate(name: string, source: { bundle?: string | undefined; variant?: string | undefined }) {
    const { bundle = "", variant } = this.#config.models[name] ?? {};
    // The variants of another bundle have names of their own.
    const own = source.bundle === undefined ? { bundle, variant: source.variant ?? variant } : source;
    return this.manager.activate(name, { bundle, ...own });
  }

  /** Models are read before anything changes, and opened when they are needed. */
  async prepare(next: Config): Promise<PartChange | undefined> {
    const before = this.#config.models;
    const names = [...new Set([...Object.keys(before), ...Object.keys(next.models)])];
    const changed = names.filter((name) => !isDeepStrictEqual(before[name], next.models[name]));
    const change = await this.manager.prepare(policiesOf(next.models), changed);
    const apply = async () => {
      this.#config = next;
      await change.apply();
      for (const { name, model } of this.#built) model.reserve(runsOf(name, next, this));
      return changed.map((name) => `models.${name}`);
    };
    return { apply, finish: change.finish };
  }

  #build(name: string, opened: OpenedModel): BuiltModel {
    const options = this.#config.models[name];
    if (!options) throw new Error(`"${name}" is not a model of the configuration`);
    const onBatch = (record: Omit<BatchRecord, "model">) => this.batches.record({ model: name, ...record });
    const model = buildModel({ ...this.#deps, slots: this.#slots, onBatch }, opened, {
      inFlight: Math.max(1, runsOf(name, this.#config, this)),
      runLimitMs: this.#config.engine.run_limit,
      ...schedulingOf(options, this.provider.slots),
    });
    const entry = { name, model };
    this.#built.add(entry);
    const close = () => {
      this.#built.delete(entry);
      model.close();
    };
    return { ...model, close };
  }
}

/** Runs of a model that all frames in flight may have under way at once. */
function runsOf(
  model: string,
  { pipelines }: Config,
  { inFlight, runsPerFrame }: { inFlight: number; runsPerFrame: number },
): number {
  const watching = Object.values(pipelines).filter((pipeline) => modelsOf(pipeline).includes(model));
  const runs = watching.flatMap(stagesOf).map((stage) => {
    if (!("model" in stage) || stage.model !== model) return 0;
    return inFlight * (stage.stage === "detect" && !stage.tile ? 1 : runsPerFrame);
  });
  return runs.reduce((sum, n) => sum + n, 0);
}

const policiesOf = (models: Config["models"]): Record<string, ModelPolicy> =>
  Object.fromEntries(Object.entries(models).map(([name, model]) => [name, policyOf(model)]));

const policyOf = (model: Model): ModelPolicy => ({
  bundle: model.bundle,
  pin: model.pin,
  preload: model.preload,
  stream: model.stream,
  trust: model.trust,
  variant: model.variant,
  idleUnloadMs: model.idle_unload,
  maxBatch: maxBatchOf(model),
  instances: model.instances === "auto" ? undefined : model.instances,
});

/** `auto` is a share of what this machine has, or of what its service may have. */
function bytesOf(budget: number | "auto", share: number): number {
  if (budget !== "auto") return budget;
  const limitBytes = process.constrainedMemory();
  return share * (limitBytes > 0 ? Math.min(limitBytes, totalmem()) : totalmem());
}
