import { createHash } from "node:crypto";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { listenAddress } from "../../config/schema/http.ts";
import { stagesOf } from "../../config/schema/pipelines.ts";
import type { Config } from "../../config/schema/schema.ts";
import { machineTargets } from "../../models/bundle/targets.ts";
import { type Answer, refusal } from "../../runtime/base/answer.ts";
import type { Clock } from "../../runtime/base/clock.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import { Semaphore } from "../../runtime/base/semaphore.ts";
import { BundleReader } from "../../runtime/loader/bundle-reader.ts";
import { CrashBook } from "../../runtime/loader/crash-book.ts";
import type { ModelPolicy } from "../../runtime/loader/model-entry.ts";
import { ModelManager } from "../../runtime/loader/model-manager.ts";
import type { OpenedModel } from "../../runtime/loader/model-version.ts";
import { PreparedCache } from "../../runtime/loader/prepared/prepared-cache.ts";
import { cpuFeatures, type Kernels, openKernels } from "../../runtime/native/index.ts";
import { frameModels } from "../../runtime/pipeline/frame-models.ts";
import { type BuiltModel, buildModel } from "../../runtime/pipeline/open-model.ts";
import type { InspectionResult } from "../../runtime/pipeline/result.ts";
import { BatchLog, type BatchRecord } from "../../runtime/scheduler/batch-log.ts";
import { Slots } from "../../runtime/scheduler/slots.ts";
import { CpuExecutionProvider } from "../../runtime/session/cpu-provider.ts";
import { EvidenceKeeper } from "../evidence/evidence-keeper.ts";
import { ControlSocket } from "../health/control-socket.ts";
import { readBootId, readTemperature } from "../health/device.ts";
import { EventLoopMonitor } from "../health/event-loop.ts";
import { HealthReporter } from "../health/health-reporter.ts";
import { HealthSocket } from "../health/health-socket.ts";
import type { HttpServer } from "../http/http-server.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { MqttService } from "../mqtt/mqtt-service.ts";
import { Outbox } from "../outbox/outbox.ts";
import { brokerLink } from "./broker-link.ts";
import { CameraLine, type LineOptions, type Shop } from "./camera-line.ts";
import { inferenceModels } from "./inference.ts";
import { InfoPublisher } from "./info-publisher.ts";
import { Lines } from "./lines.ts";
import { ModelTopics } from "./model-topics.ts";
import { Requests } from "./requests.ts";
import { maxBatchOf, schedulingOf } from "./scheduling.ts";
import { Shedder } from "./shedder.ts";
import { stopWithin } from "./stop-within.ts";

const STOP_LIMIT_MS = 10_000;
const DRAIN_LIMIT_MS = 5_000;

interface Deps {
  logger: Logger;
  clock: Clock;
  /** Sightline's own version. */
  version: string;
}

/**
 * The composition root: the one place that knows every part and joins it to its configuration. Sinks start before
 * sources, and stop after them.
 */
export class Daemon {
  #config: Config;
  readonly #deps: Deps;
  readonly #loop = new EventLoopMonitor();
  readonly #outbox: Outbox;
  #crashes: CrashBook | undefined;
  #models: ModelManager<BuiltModel> | undefined;
  /** Those that are open, by the name in the configuration; of one that goes over to another version both. */
  readonly #built = new Set<{ name: string; model: BuiltModel }>();
  #provider: CpuExecutionProvider | undefined;
  #kernels: Kernels | undefined;
  #mqtt: MqttService | undefined;
  readonly #topics: ModelTopics;
  readonly #batches = new BatchLog();
  #info: InfoPublisher | undefined;
  #reporter: HealthReporter | undefined;
  #shedder: Shedder | undefined;
  #socket: HealthSocket | undefined;
  #control: ControlSocket | undefined;
  readonly #lines = new Lines();
  #permits = new Semaphore(1);
  #evidence: EvidenceKeeper | undefined;
  #http: HttpServer | undefined;
  #onResult = (_: InspectionResult): void => {};
  #bootId = "";
  #reloading: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | undefined;

  constructor(deps: Deps, config: Config) {
    this.#deps = deps;
    this.#config = config;
    this.#topics = new ModelTopics(deps.clock);
    const { path, max_size, commit_delay, commit_rows } = config.store;
    this.#outbox = new Outbox(deps, {
      path,
      maxBytes: max_size,
      commitDelayMs: commit_delay,
      commitRows: commit_rows,
    });
  }

  /** Resolves once frames flow; a broker that is away does not hold it up. Errors: ERR_STORE_OPEN, ERR_MODEL_*, … */
  async start(): Promise<void> {
    try {
      this.#loop.start();
      this.#bootId = await readBootId();
      // Both to their end, so that a failure of one leaves nothing half-started behind.
      const started = await Promise.allSettled([this.#startSinks(), this.#openModels()]);
      for (const part of started) if (part.status === "rejected") throw part.reason;
      this.#topics.begin(this.#mqtt, this.#models?.status() ?? []);
      await this.#startInfo();
      await this.#startHealth();
      await this.#startLines();
      await this.#startHttp();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Settles when every source has come to its end (`repeat: once`); never for cameras. */
  get ended(): Promise<void> {
    return this.#lines.ended;
  }

  /**
   * Cameras and their pipelines as `next` has them; lines that it does not change go on untouched, and nothing is
   * changed when a new one cannot be opened. Errors: ERR_RELOAD when something else differs, those of opening.
   */
  reload(next: Config): Promise<void> {
    const turn = this.#reloading.then(() => this.#reload(next));
    this.#reloading = turn.catch(() => {});
    return turn;
  }

  async #reload(next: Config): Promise<void> {
    if (this.#stopping) return;
    const { cameras: _, pipelines: __, ...before } = this.#config;
    const { cameras: ___, pipelines: ____, ...after } = next;
    if (!isDeepStrictEqual(before, after)) {
      throw new SightlineError("ERR_RELOAD", "something else than cameras and pipelines has changed");
    }
    const shop = await this.#shop();
    this.#reserve(next);
    const changes = await this.#lines.change(linesOf(next), (options) => new CameraLine(shop, options));
    this.#config = next;
    this.#deps.logger.info({ ...changes }, "configuration applied");
    this.#info?.publish();
  }

  /** Judges the frames in flight, stores and publishes what was decided. May be called twice. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const within = <T>(part: string, work: Promise<T> | undefined) =>
      stopWithin(this.#deps.logger, part, STOP_LIMIT_MS, work);
    // Or a line of it would start behind all others' end.
    await within("reload", this.#reloading);
    await within("shedding", this.#shedder?.stop());
    await within("cameras", this.#lines.stop());
    await within("evidence", this.#evidence?.stop());
    await within("http", this.#http?.stop());
    await within(
      "health",
      Promise.all([this.#socket?.stop(), this.#control?.stop(), this.#reporter?.stop()]),
    );
    this.#info?.stop();
    await within("mqtt", this.#mqtt?.stop({ drainMs: DRAIN_LIMIT_MS }));
    await within("store", this.#outbox.stop());
    await within("models", this.#models?.stop());
    await within("engine", this.#provider?.close());
    await within("crashes", this.#crashes?.stop());
    this.#loop.stop();
    this.#deps.logger.info({}, "stopped");
  }

  async #startSinks(): Promise<void> {
    await this.#outbox.start();
    await this.#startEvidence();
    const { mqtt, device } = this.#config;
    this.#mqtt = new MqttService(
      { log: this.#outbox, answerer: (verb, args) => this.#answer(verb, args), ...this.#deps },
      {
        ...(await brokerLink(this.#config)),
        baseTopic: mqtt.base_topic,
        deviceId: device.id,
        clientId: mqtt.client_id,
        protocol: mqtt.protocol,
        ackTimeoutMs: mqtt.ack_timeout,
        window: mqtt.window,
        retainVerdict: mqtt.retain_verdict,
      },
    );
    await this.#mqtt.start();
  }

  async #openModels(): Promise<void> {
    const { engine, models, store } = this.#config;
    const cacheFolder = join(store.path, "models");
    this.#crashes = new CrashBook({ folder: cacheFolder });
    await this.#crashes.start(this.#deps.clock.wallMs());
    this.#provider = new CpuExecutionProvider({
      slots: engine.slots === "auto" ? availableParallelism() : engine.slots,
      intraOpThreads: engine.threads_per_slot,
      library: engine.library,
      recordPath: this.#crashes.recordPath,
    });
    this.#provider.start();
    this.#kernels = openKernels(engine.kernels === "generic" ? [] : undefined);
    const deps = { provider: this.#provider, kernels: this.#kernels, ...this.#deps };
    const slots = new Slots(this.#provider.slots);
    this.#permits = new Semaphore(this.#inFlight());
    const build = (name: string, opened: OpenedModel) => this.#build(name, opened, { ...deps, slots });
    const targets = machineTargets(process.arch, cpuFeatures());
    const machine = [process.arch, ...cpuFeatures(), `${engine.threads_per_slot}`];
    const reader = new BundleReader({ folder: cacheFolder, targets });
    const cache = new PreparedCache(this.#provider, { folder: cacheFolder, machine });
    this.#models = new ModelManager<BuiltModel>(
      { ...deps, crashes: this.#crashes, reader, cache, build },
      {
        models: Object.fromEntries(Object.entries(models).map(([name, each]) => [name, policyOf(each)])),
        budgetBytes: bytesOf(engine.model_budget, 1 / 2),
        activationBytes: bytesOf(engine.activation_budget, 1 / 4),
      },
    );
    this.#models.onEvent((event) => {
      this.#topics.tell(event);
      this.#info?.publishSoon();
    });
    await this.#models.start();
  }

  #build(name: string, opened: OpenedModel, deps: Parameters<typeof buildModel>[0]): BuiltModel {
    const options = this.#config.models[name];
    if (!options || !this.#provider) throw new Error(`"${name}" is opened as no model of the configuration`);
    const inFlight = Math.max(1, this.#runsOf(name, this.#config));
    const onBatch = (record: Omit<BatchRecord, "model">) => this.#batches.record({ model: name, ...record });
    const model = buildModel({ ...deps, onBatch }, opened, {
      inFlight,
      runLimitMs: this.#config.engine.run_limit,
      ...schedulingOf(options, this.#provider.slots),
    });
    const entry = { name, model };
    this.#built.add(entry);
    const close = () => {
      this.#built.delete(entry);
      model.close();
    };
    return { ...model, close };
  }

  /** Of one frame's tiles or crops: one is ready to go when a slot ends another. */
  #lanes(): number {
    return (this.#provider?.slots ?? 1) + 1;
  }

  /** Two more than there are slots: while they run, one frame is decoded and one is ready to go. */
  #inFlight(): number {
    return (this.#provider?.slots ?? 1) + 2;
  }

  async #startLines(): Promise<void> {
    const shop = await this.#shop();
    await this.#lines.change(linesOf(this.#config), (options) => new CameraLine(shop, options));
  }

  async #shop(): Promise<Shop> {
    const { device, mqtt, stages_folder, store } = this.#config;
    const models = this.#models;
    if (!this.#mqtt || !this.#kernels || !models)
      throw new Error("sinks and models are opened before cameras");
    return {
      ...this.#deps,
      kernels: this.#kernels,
      outbox: this.#outbox,
      mqtt: this.#mqtt,
      evidence: this.#evidence,
      broker: await brokerLink(this.#config),
      lease: async (names) => frameModels(await models.lease(names), names),
      bootId: this.#bootId,
      deviceId: device.id,
      clientId: mqtt.client_id ?? `sightline-${device.id}`,
      storePath: store.path,
      stagesFolder: stages_folder,
      onResult: (result) => this.#onResult(result),
      inFlight: this.#inFlight(),
      permits: this.#permits,
      lanes: this.#lanes(),
      judgesEvery: () => this.#shedder?.judgesEvery ?? 1,
    };
  }

  /** Room for what a configuration may have under way at once. */
  #reserve(config: Config): void {
    for (const { name, model } of this.#built) model.reserve(this.#runsOf(name, config));
  }

  /** Runs of a model that all frames in flight may have under way at once. */
  #runsOf(model: string, { pipelines }: Config): number {
    const stages = Object.values(pipelines).flatMap((pipeline) => [...stagesOf(pipeline)]);
    const runs = stages.map((each) => {
      if (!("model" in each) || each.model !== model) return 0;
      const isOne = each.stage === "detect" && !each.tile;
      return this.#inFlight() * (isOne ? 1 : this.#lanes());
    });
    return runs.reduce((sum, n) => sum + n, 0);
  }

  async #startEvidence(): Promise<void> {
    const { evidence } = this.#config;
    if (!evidence) return;
    this.#evidence = new EvidenceKeeper(this.#deps, {
      folder: evidence.path,
      verdicts: evidence.verdicts,
      auditSample: evidence.audit_sample,
      bytesMax: evidence.max_size,
      bytesMaxOf: evidence.max_size_of,
      ageMsMax: evidence.max_age,
      freePercentMin: evidence.min_free_percent,
    });
    await this.#evidence.start();
  }

  async #startHttp(): Promise<void> {
    const { http } = this.#config;
    const models = this.#models;
    if (!http || !models) return;
    const { HttpServer } = await import("../http/http-server.ts");
    const { Statistics } = await import("../http/oip/statistics.ts");
    const metrics = await this.#openMetrics();
    const statistics = new Statistics();
    this.#batches.onRecord((record) => statistics.count(record, this.#deps.clock.wallMs()));
    this.#http = new HttpServer(
      {
        health: () => this.#health(),
        metrics,
        statistics,
        inference: inferenceModels(
          models,
          (name) => policyOf(this.#config.models[name] as never).maxBatch ?? 1,
        ),
        version: this.#deps.version,
        inlets: () => this.#lines.each(({ inlet }) => inlet),
        evidence: (path) => this.#evidence?.fileOf(path),
        live: () => this.#lines.each(({ live }) => live),
        logger: this.#deps.logger,
      },
      { ...listenAddress(http.listen), token: http.token, bodyBytesMax: http.max_body },
    );
    await this.#http.start();
  }

  /** Who has no HTTP server has nobody who asks. */
  async #openMetrics(): Promise<Metrics> {
    const { Metrics } = await import("../metrics/metrics.ts");
    const [reporter, models] = [this.#reporter, this.#models];
    if (!reporter || !models) throw new Error("health and models are started before HTTP");
    const metrics = new Metrics(async () => ({
      ...(await reporter.read()),
      models: models.status(),
      model_memory: models.memory(),
    }));
    this.#batches.onRecord((record) => metrics.countBatch(record));
    this.#onResult = (result) => metrics.countResult(result);
    return metrics;
  }

  async #health(): Promise<object> {
    return (await this.#reporter?.read()) ?? {};
  }

  async #startInfo(): Promise<void> {
    const { clock, logger, version } = this.#deps;
    const models = this.#models;
    this.#info = new InfoPublisher({
      mqtt: this.#mqtt,
      device: this.#config.device,
      fixed: {
        version,
        node: process.versions.node,
        onnxruntime: this.#provider?.runtimeVersion,
        execution_provider: this.#provider?.name,
        slots: this.#provider?.slots,
        kernels: this.#kernels?.chosen(),
        boot_id: this.#bootId,
        started_at: new Date(clock.wallMs()).toISOString(),
      },
      current: () => ({
        models: models?.status().map(({ bundle, ...status }) => ({
          ...status,
          bundle: bundle?.name ?? null,
          version: bundle?.version ?? null,
          sha256: bundle?.sha256 ?? null,
          variant: bundle?.variant ?? null,
        })),
        model_memory: models?.memory(),
        config_hash: createHash("sha256").update(JSON.stringify(this.#config)).digest("hex"),
      }),
    });
    await this.#info.start();
    logger.info(this.#info.read(), "started");
  }

  async #answer(verb: string, args: unknown): Promise<Answer> {
    if (this.#models) return new Requests(this.#models, this.#batches).answer(verb, args);
    return refusal(new SightlineError("ERR_REQUEST", "the daemon is starting"));
  }

  async #startHealth(): Promise<void> {
    const { clock, logger } = this.#deps;
    const parts = {
      clock,
      logger,
      loop: this.#loop,
      outbox: this.#outbox,
      mqtt: this.#mqtt,
      evidence: this.#evidence,
      models: () => this.#models?.memory(),
      cameras: () => this.#lines.each((line) => line),
      pipelines: () => Object.keys(this.#config.pipelines),
    };
    const { health, store } = this.#config;
    this.#reporter = new HealthReporter(parts, {
      intervalMs: health.interval,
      storePath: store.path,
    });
    await this.#reporter.start();
    this.#socket = new HealthSocket(() => this.#health(), { folder: store.path });
    await this.#socket.start();
    this.#control = new ControlSocket((verb, args) => this.#answer(verb, args), { folder: store.path });
    await this.#control.start();
    this.#startShedding();
  }

  #startShedding(): void {
    const { models: configured, shedding } = this.#config;
    const models = this.#models;
    if (!shedding || !models) return;
    const activate: ConstructorParameters<typeof Shedder>[0]["activate"] = (name, source) => {
      const { bundle = "", variant } = configured[name] ?? {};
      // The variants of another bundle have names of their own.
      const own = source.bundle === undefined ? { bundle, variant: source.variant ?? variant } : source;
      return models.activate(name, { bundle, ...own });
    };
    const publish = (event: object) => this.#mqtt?.setState("shedding/event", event);
    this.#shedder = new Shedder({ ...this.#deps, temperature: readTemperature, activate, publish }, shedding);
    this.#shedder.start();
  }
}

const policyOf = ({
  batching,
  bundle,
  idle_unload,
  instances,
  max_batch,
  pin,
  preload,
  stream,
  trust,
  variant,
}: Config["models"][string]): ModelPolicy => ({
  ...{ bundle, pin, preload, stream, trust, variant },
  idleUnloadMs: idle_unload,
  maxBatch: maxBatchOf({ batching, max_batch }),
  instances: instances === "auto" ? undefined : instances,
});

/** `auto` is a share of what this machine has, or of what its service may have. */
function bytesOf(budget: number | "auto", share: number): number {
  if (budget !== "auto") return budget;
  const limitBytes = process.constrainedMemory();
  return share * (limitBytes > 0 ? Math.min(limitBytes, totalmem()) : totalmem());
}

/** Each camera with the pipelines that watch it. */
function linesOf({ cameras, pipelines }: Config): LineOptions[] {
  return Object.entries(cameras).map(([id, camera]) => ({
    id,
    camera,
    pipelines: Object.fromEntries(Object.entries(pipelines).filter(([, each]) => each.camera === id)),
  }));
}
