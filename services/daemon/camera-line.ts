import { join } from "node:path";
import { modelsOf, stagesOf } from "../../config/schema/pipelines.ts";
import type { Config } from "../../config/schema/schema.ts";
import type { Clock } from "../../runtime/base/clock.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import type { Semaphore } from "../../runtime/base/semaphore.ts";
import type { Kernels } from "../../runtime/native/index.ts";
import { admitBy } from "../../runtime/pipeline/admission.ts";
import type { FrameSource, Picture } from "../../runtime/pipeline/frame.ts";
import type { FrameModels } from "../../runtime/pipeline/frame-models.ts";
import { Pipeline } from "../../runtime/pipeline/pipeline.ts";
import type { InspectionResult } from "../../runtime/pipeline/result.ts";
import { buildStages } from "../../runtime/pipeline/stages/build-stages.ts";
import { Camera, type CameraStats } from "../camera/camera.ts";
import { openSource, staleMs } from "../camera/open-source.ts";
import { PushSource } from "../camera/push-source.ts";
import type { CameraEvent } from "../camera/report.ts";
import { preview } from "../evidence/annotate.ts";
import type { EvidenceKeeper } from "../evidence/evidence-keeper.ts";
import { LiveView, type Shown } from "../http/live-view.ts";
import { type FrameMessage, FrameSubscription } from "../mqtt/frame-subscription.ts";
import type { MqttService } from "../mqtt/mqtt-service.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { brokerLink } from "./broker-link.ts";
import { Recorder, type StoredResult } from "./recorder.ts";

const SPARE_BLOCKS = 3;
/** A frame that was pushed and waits for its verdict is a few words once its picture is judged. */
const PUSHED_MAX = 512;
const DRAIN_LIMIT_MS = 5_000;

type CameraOptions = Config["cameras"][string];
type PipelineOptions = Config["pipelines"][string];
type PushedOptions = Extract<CameraOptions, { source: "http" | "mqtt" }>;

/** What all lines share. */
export interface Shop {
  clock: Clock;
  logger: Logger;
  kernels: Kernels;
  outbox: Outbox;
  mqtt: MqttService;
  evidence: EvidenceKeeper | undefined;
  broker: Awaited<ReturnType<typeof brokerLink>>;
  /** The models of one frame, by their names in the configuration. */
  lease(names: readonly string[]): Promise<FrameModels>;
  bootId: string;
  deviceId: string;
  clientId: string;
  storePath: string;
  stagesFolder: string | undefined;
  /** Told of each result when it is stored. */
  onResult(result: InspectionResult): void;
  /** Frames of a pipeline between capture and decision at once. */
  inFlight: number;
  /** Frames of all pipelines that are worked on at once. */
  permits: Semaphore;
  /** Runs of one frame's tiles or crops at once. */
  lanes: number;
  /** Of free-running cameras one frame of so many is judged. */
  judgesEvery(): number;
}

export interface LineOptions {
  id: string;
  camera: CameraOptions;
  /** Those that watch the camera, by name; the first one is shown. */
  pipelines: Readonly<Record<string, PipelineOptions>>;
}

/** Whether others hand over the camera's frames. */
const isPushed = (options: CameraOptions): options is PushedOptions =>
  options.source === "http" || options.source === "mqtt";

const encodeShown = ({ detections, source }: Shown, picture: Picture, drawn: boolean) =>
  preview(picture, source, drawn ? detections : []);

/** A camera and the pipelines that watch it: what starts and stops together, and knows no other line. */
export class CameraLine {
  readonly options: LineOptions;
  /** Set when senders hand over its frames. */
  readonly pushed: PushSource<StoredResult> | undefined;
  /** Of what the first pipeline makes of the frames; none without a pipeline. */
  readonly live: LiveView | undefined;
  readonly #shop: Shop;
  readonly #camera: Camera;
  readonly #recorders: Recorder[] = [];
  #pipelines: Pipeline[] = [];
  #subscription: FrameSubscription | undefined;
  #ended: Promise<void> = Promise.resolve();
  #hasEnded = false;

  constructor(shop: Shop, options: LineOptions) {
    this.#shop = shop;
    this.options = options;
    const { camera, id } = options;
    const logger = shop.logger.child({ camera: id });
    if (isPushed(camera)) this.pushed = new PushSource(shop, { camera: id, pendingMax: PUSHED_MAX });
    if (Object.keys(options.pipelines).length > 0) this.live = new LiveView({ encode: encodeShown, logger });
    this.#camera = this.#makeCamera(this.pushed ?? this.#source());
  }

  get stats(): CameraStats {
    return this.#camera.stats;
  }

  /** Where frames are posted, of a camera that waits for them. */
  get inlet(): PushSource<StoredResult> | undefined {
    return this.options.camera.source === "http" ? this.pushed : undefined;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Settles when the camera has come to its end and every verdict is stored. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** What can fail, before anything flows. Errors: ERR_STAGE_LOAD, ERR_CONFIG_*. */
  async open(): Promise<void> {
    const names = Object.keys(this.options.pipelines);
    this.#pipelines = await Promise.all(names.map((name) => this.#pipeline(name)));
  }

  start(): void {
    this.#ended = Promise.all(this.#pipelines.map((pipeline) => pipeline.run())).then(() => {
      this.#hasEnded = true;
    });
    this.#camera.start();
    this.#subscription = this.#subscribe();
    this.#subscription?.start();
  }

  /** Frames in flight are judged and stored; senders who still wait are told. */
  async stop(): Promise<void> {
    await this.#subscription?.stop({ limitMs: DRAIN_LIMIT_MS });
    await this.#camera.stop();
    await this.#ended;
    for (const part of this.#recorders) part.end();
    this.pushed?.end();
    this.live?.end();
  }

  #makeCamera(source: FrameSource): Camera {
    const { clock, logger, mqtt } = this.#shop;
    const { camera: options, id } = this.options;
    const onStatus = (status: string) => {
      logger.info({ camera: id, status }, "camera");
      mqtt.setState(`camera/${id}/status`, status);
    };
    const onEvent = (event: CameraEvent) => {
      const ts = new Date(clock.wallMs()).toISOString();
      logger.warn({ camera: id, ...event }, "camera");
      mqtt.setState(`camera/${id}/event`, { ts, ...event });
    };
    // The broker hands over no more frames than fit, and each has to be answered.
    const mode = options.source === "mqtt" ? "triggered" : options.mode;
    return new Camera(
      { clock, logger, source, onStatus, onEvent },
      {
        id,
        mode,
        buffer: options.buffer,
        staleMs: isPushed(options) ? undefined : staleMs(options),
        every: isPushed(options) ? undefined : this.#shop.judgesEvery,
      },
    );
  }

  #source(): FrameSource {
    const { inFlight, storePath } = this.#shop;
    const { camera, id, pipelines } = this.options;
    if (isPushed(camera)) throw new Error("frames of a pushed camera come from its senders");
    const watchers = Math.max(1, Object.keys(pipelines).length);
    // One each that waits or is in work, and some for the time that the main thread needs to fetch them.
    const blocks = watchers * (camera.buffer + inFlight) + SPARE_BLOCKS;
    return openSource(this.#shop, { camera: id, folder: join(storePath, "fifo"), blocks }, camera);
  }

  async #pipeline(name: string): Promise<Pipeline> {
    const { clock, inFlight, kernels, lanes, lease, logger, permits, stagesFolder } = this.#shop;
    const options = this.options.pipelines[name] as PipelineOptions;
    const stages = await buildStages(stagesOf(options), {
      kernels,
      clock,
      lanes,
      scale: { pxPerMm: options.px_per_mm, zones: options.zones },
      minScore: options.min_score,
      folder: stagesFolder,
    });
    const recorder = this.#recorder(name);
    const models = [...new Set(modelsOf(options))];
    return new Pipeline(
      {
        frames: recorder.holding(this.#camera.watch()),
        admit: admitBy({ permits, lease: () => lease(models) }),
        stages,
        record: (results, frameId) => recorder.record(results, frameId),
        clock,
        logger,
      },
      { name, deadlineMs: options.deadline, inFlight },
    );
  }

  #recorder(name: string): Recorder {
    const { bootId, deviceId, evidence, inFlight, kernels, outbox } = this.#shop;
    const isShown = Object.keys(this.options.pipelines)[0] === name;
    const recorder = new Recorder(
      {
        kernels,
        outbox,
        evidence,
        live: isShown ? this.live : undefined,
        pushed: this.pushed,
        onResult: this.#shop.onResult,
      },
      {
        pipeline: name,
        provenance: {
          device: deviceId,
          boot_id: bootId,
        },
        framesMax: inFlight,
      },
    );
    this.#recorders.push(recorder);
    return recorder;
  }

  #subscribe(): FrameSubscription | undefined {
    const { broker, clientId, clock, logger } = this.#shop;
    const { camera, id } = this.options;
    const { pushed } = this;
    if (camera.source !== "mqtt" || !pushed) return undefined;
    const judge = async (frame: FrameMessage) => {
      const answers = await pushed.push(frame);
      return answers.every((answer) => "results" in answer);
    };
    const { buffer: window, group, topic } = camera;
    return new FrameSubscription(
      { judge, clock, logger: logger.child({ camera: id }) },
      { ...broker, clientId: `${clientId}-${id}`, topic, group, window },
    );
  }
}
