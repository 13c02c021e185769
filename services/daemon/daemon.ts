import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { listenAddress } from "../../config/schema/http.ts";
import { modelsOf, stagesOf } from "../../config/schema/pipelines.ts";
import type { Config } from "../../config/schema/schema.ts";
import { type Kernels, openKernels } from "../../runtime/arm-neon/index.ts";
import type { Clock } from "../../runtime/base/clock.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import type { FrameSource } from "../../runtime/pipeline/frame.ts";
import { type OpenModel, openModel } from "../../runtime/pipeline/open-model.ts";
import { Pipeline } from "../../runtime/pipeline/pipeline.ts";
import { buildStages } from "../../runtime/pipeline/stages/build-stages.ts";
import type { Stage } from "../../runtime/pipeline/stages/stage.ts";
import { CpuExecutionProvider } from "../../runtime/session/cpu-provider.ts";
import { Camera } from "../camera/camera.ts";
import { openSource, staleMs } from "../camera/open-source.ts";
import { PushSource } from "../camera/push-source.ts";
import type { CameraEvent } from "../camera/report.ts";
import { preview } from "../evidence/annotate.ts";
import { EvidenceKeeper } from "../evidence/evidence-keeper.ts";
import { readBootId, readDevice } from "../health/device.ts";
import { EventLoopMonitor } from "../health/event-loop.ts";
import { HealthReporter } from "../health/health-reporter.ts";
import { HealthSocket } from "../health/health-socket.ts";
import { HttpServer } from "../http/http-server.ts";
import { LiveView } from "../http/live-view.ts";
import { type FrameMessage, FrameSubscription } from "../mqtt/frame-subscription.ts";
import { MqttService } from "../mqtt/mqtt-service.ts";
import { Outbox } from "../outbox/outbox.ts";
import { brokerLink } from "./broker-link.ts";
import { Recorder, type StoredResult } from "./recorder.ts";
import { stopWithin } from "./stop-within.ts";

const STOP_LIMIT_MS = 10_000;
const DRAIN_LIMIT_MS = 5_000;
const SPARE_BLOCKS = 3;
/** A frame that was pushed and waits for its verdict is a few words once its picture is judged. */
const PUSHED_MAX = 512;

type CameraOptions = Config["cameras"][string];
type PushedOptions = Extract<CameraOptions, { source: "http" | "mqtt" }>;

/** Whether others hand over the camera's frames. */
const isPushed = (options: CameraOptions): options is PushedOptions =>
  options.source === "http" || options.source === "mqtt";

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
  readonly #config: Config;
  readonly #deps: Deps;
  readonly #loop = new EventLoopMonitor();
  readonly #outbox: Outbox;
  readonly #cameras: Record<string, Camera> = {};
  /** Those of the cameras whose frames come by HTTP or MQTT. */
  readonly #pushed: Record<string, PushSource<StoredResult>> = {};
  readonly #models: Record<string, OpenModel> = {};
  #provider: CpuExecutionProvider | undefined;
  #kernels: Kernels | undefined;
  #mqtt: MqttService | undefined;
  #reporter: HealthReporter | undefined;
  #socket: HealthSocket | undefined;
  /** Filled when there is a server to watch by. */
  readonly #live: Record<string, LiveView> = {};
  readonly #recorders: Recorder[] = [];
  readonly #subscriptions: FrameSubscription[] = [];
  #evidence: EvidenceKeeper | undefined;
  #http: HttpServer | undefined;
  #ended: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | undefined;

  constructor(deps: Deps, config: Config) {
    this.#deps = deps;
    this.#config = config;
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
      const bootId = await readBootId();
      // Both to their end, so that a failure of one leaves nothing half-started behind.
      const started = await Promise.allSettled([this.#startSinks(), this.#openModels()]);
      for (const part of started) if (part.status === "rejected") throw part.reason;
      await this.#publishInfo(bootId);
      await this.#startHealth();
      await this.#startPipelines(bootId);
      await this.#startHttp();
      await this.#startSubscriptions();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Settles when every source has come to its end (`repeat: once`); never for cameras. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Judges the frames in flight, stores and publishes what was decided. May be called twice. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const within = <T>(part: string, work: Promise<T> | undefined) =>
      stopWithin(this.#deps.logger, part, STOP_LIMIT_MS, work);
    const subscriptions = this.#subscriptions.map((one) => one.stop({ limitMs: DRAIN_LIMIT_MS }));
    await within("subscriptions", Promise.all(subscriptions));
    await within("cameras", Promise.all(Object.values(this.#cameras).map((camera) => camera.stop())));
    await within("pipelines", this.#ended);
    for (const part of [...this.#recorders, ...Object.values(this.#pushed)]) part.end();
    await within("evidence", this.#evidence?.stop());
    await within("http", this.#http?.stop());
    await within("health", Promise.all([this.#socket?.stop(), this.#reporter?.stop()]));
    await within("mqtt", this.#mqtt?.stop({ drainMs: DRAIN_LIMIT_MS }));
    await within("store", this.#outbox.stop());
    await within("engine", this.#provider?.close());
    this.#loop.stop();
    this.#deps.logger.info({}, "stopped");
  }

  async #startSinks(): Promise<void> {
    await this.#outbox.start();
    await this.#startEvidence();
    const { mqtt, device } = this.#config;
    this.#mqtt = new MqttService(
      { log: this.#outbox, ...this.#deps },
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
    const { engine, models } = this.#config;
    this.#provider = new CpuExecutionProvider({
      slots: engine.slots === "auto" ? availableParallelism() : engine.slots,
      intraOpThreads: engine.threads_per_slot,
      library: engine.library,
    });
    this.#provider.start();
    this.#kernels = openKernels(engine.kernels === "generic" ? [] : undefined);
    const deps = { provider: this.#provider, kernels: this.#kernels, clock: this.#deps.clock };
    const opened = Object.entries(models).map(async ([name, { bundle }]) => {
      const inFlight = Math.max(1, this.#runsOf(name));
      const open = await openModel(deps, { folder: bundle, runLimitMs: engine.run_limit, inFlight });
      this.#models[name] = open;
    });
    await Promise.all(opened);
  }

  /** Runs of a model that all frames in flight may have under way at once. */
  #runsOf(model: string): number {
    const stages = Object.values(this.#config.pipelines).flatMap((pipeline) => [...stagesOf(pipeline)]);
    const runs = stages.map((each) => {
      if (!("model" in each) || each.model !== model) return 0;
      const isOne = each.stage === "detect" && !each.tile;
      return this.#inFlight() * (isOne ? 1 : this.#lanes());
    });
    return runs.reduce((sum, n) => sum + n, 0);
  }

  /** Of one frame's tiles or crops: one is ready to go when a slot ends another. */
  #lanes(): number {
    return (this.#provider?.slots ?? 1) + 1;
  }

  /** Two more than there are slots: while they run, one frame is decoded and one is ready to go. */
  #inFlight(): number {
    return (this.#provider?.slots ?? 1) + 2;
  }

  async #startPipelines(bootId: string): Promise<void> {
    for (const id of Object.keys(this.#config.cameras)) this.#cameras[id] = this.#camera(id);
    const names = Object.keys(this.#config.pipelines);
    const pipelines = await Promise.all(names.map((name) => this.#pipeline(name, bootId)));
    this.#ended = Promise.all(pipelines.map((pipeline) => pipeline.run())).then(() => {});
    for (const camera of Object.values(this.#cameras)) camera.start();
  }

  #camera(id: string): Camera {
    const options = member(this.#config.cameras, id);
    const onStatus = (status: string) => {
      this.#deps.logger.info({ camera: id, status }, "camera");
      this.#mqtt?.setState(`camera/${id}/status`, status);
    };
    const onEvent = (event: CameraEvent) => {
      const ts = new Date(this.#deps.clock.wallMs()).toISOString();
      this.#deps.logger.warn({ camera: id, ...event }, "camera");
      this.#mqtt?.setState(`camera/${id}/event`, { ts, ...event });
    };
    const { buffer, source } = options;
    // The broker hands over no more frames than fit, and each has to be answered.
    const mode = source === "mqtt" ? "triggered" : options.mode;
    const deps = { ...this.#deps, source: this.#source(id, options), onStatus, onEvent };
    return new Camera(deps, { id, mode, buffer, staleMs: isPushed(options) ? undefined : staleMs(options) });
  }

  #source(id: string, options: CameraOptions): FrameSource {
    if (isPushed(options)) {
      const source = new PushSource<StoredResult>(this.#deps, { camera: id, pendingMax: PUSHED_MAX });
      this.#pushed[id] = source;
      return source;
    }
    const watchers = Object.values(this.#config.pipelines).filter((p) => p.camera === id).length;
    // One each that waits or is in work, and some for the time that the main thread needs to fetch them.
    const blocks = Math.max(1, watchers) * (options.buffer + this.#inFlight()) + SPARE_BLOCKS;
    return openSource(
      this.#deps,
      { camera: id, folder: join(this.#config.store.path, "fifo"), blocks },
      options,
    );
  }

  async #pipeline(name: string, bootId: string): Promise<Pipeline> {
    const { camera: id, deadline } = member(this.#config.pipelines, name);
    const stages = await this.#stages(name);
    const camera = member(this.#cameras, id);
    const recorder = this.#recorder(name, bootId);
    return new Pipeline(
      {
        frames: recorder.holding(camera.watch()),
        stages,
        record: (results, frameId) => recorder.record(results, frameId),
        ...this.#deps,
      },
      { name, deadlineMs: deadline, inFlight: this.#inFlight() },
    );
  }

  #recorder(name: string, bootId: string): Recorder {
    const options = member(this.#config.pipelines, name);
    const models = [...new Set(modelsOf(options))].map((model) => member(this.#models, model).model.options);
    const recorder = new Recorder(
      {
        kernels: this.#kernels ?? openKernels(),
        outbox: this.#outbox,
        evidence: this.#evidence,
        live: () => this.#liveOf(name, options.camera),
        pushed: this.#pushed[options.camera],
      },
      {
        pipeline: name,
        provenance: {
          device: this.#config.device.id,
          boot_id: bootId,
          models: models.map(({ name, version, sha256 }) => ({ name, version, sha256 })),
        },
        framesMax: this.#inFlight(),
      },
    );
    this.#recorders.push(recorder);
    return recorder;
  }

  #stages(name: string): Promise<Stage[]> {
    const options = member(this.#config.pipelines, name);
    return buildStages(stagesOf(options), {
      modelOf: (model) => member(this.#models, model).model,
      kernels: this.#kernels ?? openKernels(),
      clock: this.#deps.clock,
      lanes: this.#lanes(),
      scale: { pxPerMm: options.px_per_mm, zones: options.zones },
      minScore: options.min_score,
      folder: this.#config.stages_folder,
    });
  }

  /** A camera shows what its first pipeline makes of it. */
  #liveOf(pipeline: string, camera: string): LiveView | undefined {
    const first = Object.entries(this.#config.pipelines).find(([, options]) => options.camera === camera);
    return first?.[0] === pipeline ? this.#live[camera] : undefined;
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
    const { cameras, http } = this.#config;
    if (!http) return;
    for (const { camera } of Object.values(this.#config.pipelines)) {
      this.#live[camera] ??= new LiveView({
        encode: ({ detections, source }, picture, drawn) => preview(picture, source, drawn ? detections : []),
        logger: this.#deps.logger.child({ camera }),
      });
    }
    const inlets = Object.entries(this.#pushed).filter(([id]) => cameras[id]?.source === "http");
    this.#http = new HttpServer(
      {
        health: () => this.#health(),
        inlets: Object.fromEntries(inlets),
        evidence: (path) => this.#evidence?.fileOf(path),
        live: this.#live,
        logger: this.#deps.logger,
      },
      { ...listenAddress(http.listen), token: http.token, bodyBytesMax: http.max_body },
    );
    await this.#http.start();
  }

  async #startSubscriptions(): Promise<void> {
    const { cameras, device, mqtt } = this.#config;
    for (const [id, camera] of Object.entries(cameras)) {
      const source = this.#pushed[id];
      if (camera.source !== "mqtt" || !source) continue;
      const judge = async (frame: FrameMessage) => {
        const answers = await source.push(frame);
        return answers.every((answer) => "results" in answer);
      };
      const subscription = new FrameSubscription(
        { judge, clock: this.#deps.clock, logger: this.#deps.logger.child({ camera: id }) },
        {
          ...(await brokerLink(this.#config)),
          clientId: `${mqtt.client_id ?? `sightline-${device.id}`}-${id}`,
          topic: camera.topic,
          group: camera.group,
          window: camera.buffer,
        },
      );
      this.#subscriptions.push(subscription);
      subscription.start();
    }
  }

  async #health(): Promise<object> {
    return (await this.#reporter?.read()) ?? {};
  }

  async #publishInfo(bootId: string): Promise<void> {
    const info = {
      version: this.#deps.version,
      node: process.versions.node,
      onnxruntime: this.#provider?.runtimeVersion,
      execution_provider: this.#provider?.name,
      slots: this.#provider?.slots,
      kernels: this.#kernels?.chosen(),
      device: { id: this.#config.device.id, ...(await readDevice()) },
      models: Object.entries(this.#models).map(([name, { model }]) => ({
        name,
        bundle: model.options.name,
        version: model.options.version,
        sha256: model.options.sha256,
      })),
      config_hash: createHash("sha256").update(JSON.stringify(this.#config)).digest("hex"),
      boot_id: bootId,
      started_at: new Date(this.#deps.clock.wallMs()).toISOString(),
    };
    this.#deps.logger.info(info, "started");
    this.#mqtt?.setState("info", info);
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
      cameras: this.#cameras,
    };
    const { health, store, pipelines } = this.#config;
    this.#reporter = new HealthReporter(parts, {
      intervalMs: health.interval,
      storePath: store.path,
      pipelines: Object.keys(pipelines),
    });
    await this.#reporter.start();
    this.#socket = new HealthSocket(() => this.#health(), { folder: store.path });
    await this.#socket.start();
  }
}

/** A part that the configuration names; its checks have seen that it exists. */
function member<T>(parts: Record<string, T>, name: string): T {
  const part = parts[name];
  if (part === undefined) throw new SightlineError("ERR_CONFIG_INVALID", `there is no "${name}"`);
  return part;
}
