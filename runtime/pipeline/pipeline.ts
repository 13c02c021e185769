import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Admission, Admit } from "./admission.ts";
import type { Frame } from "./frame.ts";
import type { FrameQueue } from "./frame-queue.ts";
import { type InspectOptions, inspect, type Judged, judgeInOrder } from "./inspect.ts";
import type { JudgingStage, LookingStage, Stage } from "./stages/stage.ts";

export interface PipelineOptions extends InspectOptions {
  name: string;
  /** Frames between capture and decision at once; slots + 2 keeps every core busy. */
  inFlight: number;
}

interface Deps {
  frames: FrameQueue;
  /** What a frame needs to be inspected. */
  admit: Admit;
  /** In their order; those that look come before those that judge. */
  stages: readonly Stage[];
  /**
   * Takes what became of each frame, in frame order: a verdict, or none or several where parts are judged over
   * frames.
   */
  record(results: readonly Judged[], frameId: number): Promise<unknown>;
  clock: Clock;
  logger: Logger;
}

/**
 * Takes frames, several in flight so that decoding overlaps inference, and records what the stages make of them, in
 * frame order.
 */
export class Pipeline {
  readonly #deps: Deps;
  readonly #options: PipelineOptions;
  readonly #looking: readonly LookingStage[];
  readonly #judging: readonly JudgingStage[];
  readonly #recording = new Set<Promise<unknown>>();
  readonly #ended = Promise.withResolvers<void>();
  #isStopping = false;

  constructor(deps: Deps, options: PipelineOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#looking = deps.stages.filter((stage) => stage.kind === "looking");
    this.#judging = deps.stages.filter((stage) => stage.kind === "judging");
  }

  /** Settles as `run` does. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Takes no more frames; those that wait are left to whoever takes over. Resolves as `run` does. */
  stop(): Promise<void> {
    this.#isStopping = true;
    this.#deps.frames.wake();
    return this.#ended.promise;
  }

  /** Resolves when the frames have ended, or after `stop`, and every verdict is recorded. */
  async run(): Promise<void> {
    try {
      await this.#run();
    } finally {
      this.#ended.resolve();
    }
  }

  async #run(): Promise<void> {
    const { admit, frames } = this.#deps;
    const inFlight: Promise<void>[] = [];
    let previous: Promise<void> = Promise.resolve();
    // The next frame is taken only when there is room, so that the queue decides which frame is worth it.
    while (!this.#isStopping && (await frames.waiting())) {
      if (this.#isStopping) break;
      const admission = await admit();
      const frame = frames.take({ isLate: admission.hasWaited });
      if (!frame) {
        admission.release();
        continue;
      }
      previous = this.#inspect(frame, admission, previous);
      inFlight.push(previous);
      if (inFlight.length >= this.#options.inFlight) await inFlight.shift();
    }
    await previous;
    await Promise.all(this.#recording);
    await this.close();
  }

  /** Gives back what its stages hold; `run` does it at its end. */
  async close(): Promise<void> {
    await Promise.all(this.#looking.map((stage) => stage.close?.()));
  }

  /** Frames are judged in their order, whichever has been looked at first: each after the one `before` it. */
  async #inspect(frame: Frame, admission: Admission, before: Promise<void>): Promise<void> {
    const deps = { clock: this.#deps.clock, stages: this.#looking };
    const seen = await inspect(deps, { frame, admission }, this.#options);
    await before;
    this.#record(judgeInOrder(this.#judging, seen), frame.id);
  }

  /** Does not wait for the store: its group commit takes longer than a frame. */
  #record(results: readonly Judged[], frameId: number): void {
    const recording = this.#deps
      .record(results, frameId)
      .catch((error: unknown) => {
        const fields = { pipeline: this.#options.name, frame: frameId, err: error };
        this.#deps.logger.error(fields, "verdict was not stored");
      })
      .finally(() => this.#recording.delete(recording));
    this.#recording.add(recording);
  }
}
