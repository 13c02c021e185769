import { stagesOf } from "../../config/schema/pipelines.ts";
import type { Config } from "../../config/schema/schema.ts";
import type { Clock } from "../../runtime/base/clock.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import type { Kernels } from "../../runtime/native/index.ts";
import type { InspectionResult } from "../../runtime/pipeline/result.ts";
import type { StageSpec } from "../../runtime/pipeline/stages/build-stages.ts";
import { PREVIEW_SIDE_MAX } from "../evidence/annotate.ts";
import { Line, type LineOptions, type LinePipeline } from "../line/line.ts";
import { Lines } from "../line/lines.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { brokerLink } from "./broker-link.ts";
import type { EvidencePart } from "./evidence-part.ts";
import { type CameraSpec, type DeviceCamera, lineSource } from "./line-source.ts";
import type { ModelsPart } from "./models-part.ts";
import type { MqttPart } from "./mqtt-part.ts";
import type { Part, PartChange } from "./part.ts";

interface Deps {
  clock: Clock;
  logger: Logger;
  kernels: Kernels;
  outbox: Outbox;
  mqtt: MqttPart;
  evidence: EvidencePart;
  models: ModelsPart;
  bootId: string;
  /** Told of each result when it is stored. */
  onResult(result: InspectionResult): void;
  /** Free-running cameras have only one frame in this many judged. */
  judgesEvery(): number;
}

/** Cameras and the pipelines that watch them. */
export class LinesPart implements Part {
  readonly name = "cameras";
  readonly sections = ["cameras", "pipelines", "mqtt"] as const;
  readonly lines: Lines<DeviceCamera>;
  readonly #deps: Deps;
  readonly #config: Config;

  constructor(deps: Deps, config: Config) {
    this.#deps = deps;
    this.#config = config;
    this.lines = new Lines((options) => this.#line(options));
  }

  /** Frames flow from now on. Errors: ERR_STAGE_LOAD, ERR_CONFIG_*. */
  async start(): Promise<void> {
    const { apply } = await this.lines.prepare(await linesOf(this.#config));
    await apply();
  }

  /** Cameras end, frames in flight are judged and stored. */
  stop(): Promise<void> {
    return this.lines.stop();
  }

  async prepare(next: Config): Promise<PartChange> {
    const change = await this.lines.prepare(await linesOf(next));
    const apply = async () => {
      const { changed, started, stopped } = await change.apply();
      const ended = stopped.filter((id) => !started.includes(id));
      return [
        ...changed.map((id) => `pipelines of ${id}`),
        ...started.map((id) => `cameras.${id}`),
        ...ended.map((id) => `cameras.${id} (ended)`),
      ];
    };
    return { apply, discard: change.discard };
  }

  #line(options: LineOptions): Line<DeviceCamera> {
    const { bootId, clock, evidence, judgesEvery, kernels, logger, models, mqtt, onResult, outbox } =
      this.#deps;
    const { device, stages_folder, store } = this.#config;
    const { inFlight, runsPerFrame } = models;
    const source = lineSource(options.camera as CameraSpec, {
      ...{ id: options.id, clock, logger, inFlight, judgesEvery, storePath: store.path },
      setState: (topic, payload) => mqtt.setState(topic, payload),
      pipelines: Object.keys(options.pipelines).length,
    });
    return new Line(
      {
        ...{ clock, logger, kernels, store: outbox, evidence, onResult, inFlight, runsPerFrame },
        admit: (names) => models.admit(names),
        provenance: { device: device.id, boot_id: bootId },
        stagesFolder: stages_folder,
        liveSideMax: PREVIEW_SIDE_MAX,
      },
      source,
      options,
    );
  }
}

/** Each camera with the pipelines that watch it. Errors: ERR_CONFIG_READ. */
async function linesOf(config: Config): Promise<LineOptions[]> {
  const { cameras, device, mqtt, pipelines } = config;
  const broker = { ...(await brokerLink(config)), clientId: mqtt.client_id ?? `sightline-${device.id}` };
  return Object.entries(cameras).map(([id, camera]) => {
    const spec: CameraSpec = { camera, broker: camera.source === "mqtt" ? broker : undefined };
    const own = Object.entries(pipelines).filter(([, pipeline]) => pipeline.camera === id);
    return {
      id,
      camera: spec,
      pipelines: Object.fromEntries(own.map(([name, each]) => [name, pipelineOf(each)])),
    };
  });
}

const pipelineOf = (pipeline: Config["pipelines"][string]): LinePipeline => ({
  stages: stagesOf(pipeline) as readonly StageSpec[],
  minScore: pipeline.min_score,
  deadlineMs: pipeline.deadline,
  scale: { pxPerMm: pipeline.px_per_mm, zones: pipeline.zones },
});
