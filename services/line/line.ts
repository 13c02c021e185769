import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../runtime/base/clock.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import type { Kernels } from "../../runtime/native/index.ts";
import type { Admit } from "../../runtime/pipeline/admission.ts";
import type { Scale } from "../../runtime/pipeline/decide.ts";
import type { FrameQueue } from "../../runtime/pipeline/frame-queue.ts";
import { ownPicture } from "../../runtime/pipeline/own-picture.ts";
import { Pipeline } from "../../runtime/pipeline/pipeline.ts";
import type { InspectionResult, Provenance } from "../../runtime/pipeline/result.ts";
import { buildStages, type StageSpec } from "../../runtime/pipeline/stages/build-stages.ts";
import type { Stage } from "../../runtime/pipeline/stages/stage.ts";
import {
  type EvidenceSink,
  type FrameSenders,
  type LiveSink,
  Recorder,
  type ResultStore,
} from "./recorder.ts";

/** One pipeline of a line, as the configuration has it. */
export interface LinePipeline {
  stages: readonly StageSpec[];
  /** Of detect stages that say none. */
  minScore: number;
  deadlineMs: number | undefined;
  scale: Scale;
}

export interface LineOptions {
  id: string;
  /** Whatever the camera is made of: with another value it is made anew. */
  camera: object;
  /** Those that watch the camera, by name; the first one is shown. */
  pipelines: Readonly<Record<string, LinePipeline>>;
}

/** The camera of a line, with what belongs to it alone. */
export interface LineSource {
  camera: {
    watch(): FrameQueue;
    unwatch(queue: FrameQueue): void;
    start(): void;
    stop(): Promise<void>;
  };
  /** So many pipelines can hold frames of it. */
  pipelinesMax: number;
  senders: FrameSenders | undefined;
  /** Brings frames in from elsewhere; it ends before the camera. */
  intake: { start(): void; stop(): Promise<void> } | undefined;
  live: LiveSink | undefined;
}

/** What all lines share. */
export interface LineDeps {
  clock: Clock;
  logger: Logger;
  kernels: Kernels;
  store: ResultStore;
  evidence: EvidenceSink;
  /** How frames that need these models are admitted. */
  admit(models: readonly string[]): Admit;
  provenance: Provenance;
  stagesFolder: string | undefined;
  /** Told of each result when it is stored. */
  onResult(result: InspectionResult): void;
  /** Frames of a pipeline between capture and decision at once. */
  inFlight: number;
  /** Runs of one frame's tiles or crops at once. */
  runsPerFrame: number;
  /** Longer side of a picture that is shown. */
  liveSideMax: number;
}

/** A pipeline that takes frames; the queue and the recorder stay when its stages are replaced. */
interface Running {
  options: LinePipeline;
  queue: FrameQueue;
  recorder: Recorder;
  pipeline: Pipeline;
}

/** A change that is ready: all of it that can fail has been done. */
export interface PreparedChange {
  apply(): Promise<void>;
  /** In place of `apply`, when something else cannot be changed. */
  discard(): Promise<void>;
}

/** A camera and the pipelines that watch it: what starts and stops together, and knows no other line. */
export class Line<S extends LineSource = LineSource> {
  readonly source: S;
  readonly #deps: LineDeps;
  readonly #ended = Promise.withResolvers<void>();
  #options: LineOptions;
  readonly #running = new Map<string, Running>();
  readonly #finished = new Set<string>();
  #hasEnded = false;

  constructor(deps: LineDeps, source: S, options: LineOptions) {
    this.#deps = deps;
    this.source = source;
    this.#options = options;
  }

  get options(): LineOptions {
    return this.#options;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Settles when the camera has come to its end and every verdict is stored. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** What can fail, before anything flows. Errors: ERR_STAGE_LOAD. */
  async open(): Promise<void> {
    const { pipelines } = this.#options;
    const stages = await this.#buildAll(Object.entries(pipelines));
    for (const [name, built] of stages) this.#add(name, pipelines[name] as LinePipeline, built);
  }

  start(): void {
    for (const name of this.#running.keys()) this.#run(name);
    if (this.#running.size === 0) this.#end();
    this.source.camera.start();
    this.source.intake?.start();
  }

  /**
   * Gets ready for other pipelines of the same camera; the camera and the pipelines that stay as they are lose no frame.
   * Undefined when the line has to be made anew. Errors: ERR_STAGE_LOAD, and nothing has changed then.
   */
  async prepare(next: LineOptions): Promise<PreparedChange | undefined> {
    if (!this.#canBecome(next)) return undefined;
    const changed = Object.entries(next.pipelines).filter(
      ([name, options]) => !isDeepStrictEqual(this.#running.get(name)?.options, options),
    );
    const stages = await this.#buildAll(changed);
    const gone = [...this.#running.keys()].filter((name) => !(name in next.pipelines));
    const apply = async () => {
      this.#options = next;
      await Promise.all([
        ...gone.map((name) => this.#remove(name)),
        ...changed.map(([name, options]) => this.#replace(name, options, stages.get(name) ?? [])),
      ]);
    };
    return { apply, discard: () => closeAll([...stages.values()].flat()) };
  }

  /** In place of `start`. */
  async discard(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ pipeline }) => pipeline.close()));
  }

  /** Frames in flight are judged and stored; senders who still wait are told. */
  async stop(): Promise<void> {
    await this.source.intake?.stop();
    await this.source.camera.stop();
    await this.#ended.promise;
    for (const { recorder } of this.#running.values()) recorder.end();
    this.source.senders?.end();
    this.source.live?.end();
  }

  #canBecome({ camera, pipelines }: LineOptions): boolean {
    const count = Object.keys(pipelines).length;
    const isWatched = count > 0 && this.#running.size > 0;
    return isWatched && count <= this.source.pipelinesMax && isDeepStrictEqual(camera, this.#options.camera);
  }

  /** All, or none: then those that could be built are closed. */
  async #buildAll(
    pipelines: readonly (readonly [string, LinePipeline])[],
  ): Promise<Map<string, readonly Stage[]>> {
    const building = await Promise.allSettled(pipelines.map(([, options]) => this.#build(options)));
    const failed = building.find((each) => each.status === "rejected");
    const built = building.map((each) => (each.status === "fulfilled" ? each.value : []));
    if (failed) {
      await closeAll(built.flat());
      throw failed.reason;
    }
    return new Map(pipelines.map(([name], i) => [name, built[i] ?? []]));
  }

  #build({ minScore, scale, stages }: LinePipeline): Promise<Stage[]> {
    const { clock, kernels, runsPerFrame, stagesFolder: folder } = this.#deps;
    return buildStages(stages, { kernels, clock, runsPerFrame, scale, minScore, folder });
  }

  #add(name: string, options: LinePipeline, stages: readonly Stage[]): void {
    const recorder = this.#recorder(name);
    const queue = this.source.camera.watch();
    const pipeline = this.#pipeline(name, { options, queue, recorder }, stages);
    this.#running.set(name, { options, queue, recorder, pipeline });
  }

  #pipeline(
    name: string,
    { options, queue, recorder }: Omit<Running, "pipeline">,
    stages: readonly Stage[],
  ): Pipeline {
    const { admit, clock, inFlight, logger } = this.#deps;
    return new Pipeline(
      {
        frames: recorder.holding(queue),
        admit: admit(modelsOf(options.stages)),
        stages,
        record: (results, frameId) => recorder.record(results, frameId),
        ...{ clock, logger },
      },
      { name, deadlineMs: options.deadlineMs, inFlight },
    );
  }

  #run(name: string): void {
    const pipeline = this.#running.get(name)?.pipeline;
    void pipeline?.run().then(() => {
      // One that was replaced or taken out says nothing of the camera.
      if (this.#running.get(name)?.pipeline !== pipeline) return;
      this.#finished.add(name);
      if (this.#finished.size === this.#running.size) this.#end();
    });
  }

  #end(): void {
    this.#hasEnded = true;
    this.#ended.resolve();
  }

  /** What waits is taken over by the new stages, after the last verdict of the old ones. */
  async #replace(name: string, options: LinePipeline, stages: readonly Stage[]): Promise<void> {
    const old = this.#running.get(name);
    if (old) {
      const pipeline = this.#pipeline(name, { ...old, options }, stages);
      this.#running.set(name, { ...old, options, pipeline });
      await old.pipeline.stop();
    } else this.#add(name, options, stages);
    this.#run(name);
  }

  async #remove(name: string): Promise<void> {
    const old = this.#running.get(name);
    this.#running.delete(name);
    if (!old) return;
    this.source.camera.unwatch(old.queue);
    await old.pipeline.ended;
    old.recorder.end();
    this.source.senders?.notAnsweredBy(name);
    if (this.#finished.size === this.#running.size) this.#end();
  }

  #recorder(name: string): Recorder {
    const { evidence, inFlight, kernels, liveSideMax, onResult, provenance, store } = this.#deps;
    const { live, senders } = this.source;
    const isShown = () => Object.keys(this.#options.pipelines)[0] === name;
    return new Recorder(
      {
        ...{ store, evidence, senders, onResult, liveSideMax },
        live: () => (isShown() ? live : undefined),
        copy: (picture, sideMax) => ownPicture(kernels, picture, sideMax),
      },
      { pipeline: name, provenance, framesMax: inFlight },
    );
  }
}

const closeAll = async (stages: readonly Stage[]): Promise<void> => {
  await Promise.all(stages.map((stage) => ("close" in stage ? stage.close?.() : undefined)));
};

const modelsOf = (stages: readonly StageSpec[]): string[] => [
  ...new Set(stages.flatMap((stage) => ("model" in stage ? [stage.model] : []))),
];
