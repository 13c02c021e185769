import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Frame } from "./frame.ts";
import { type Judged, type JudgeOptions, judge } from "./judge.ts";
import type { VisionModel } from "./vision-model.ts";
import { Window, type WindowOptions } from "./window.ts";

export interface PipelineOptions extends JudgeOptions {
  name: string;
  window?: WindowOptions | undefined;
  /** Frames between capture and decision at once; slots + 2 keeps every core busy. */
  inFlight: number;
}

interface Deps {
  frames: AsyncIterable<Frame>;
  model: Pick<VisionModel, "detect">;
  /** Takes each verdict, in frame order. */
  record(judged: Judged): Promise<unknown>;
  clock: Clock;
  logger: Logger;
}

/**
 * Takes frames, several in flight so that decoding overlaps inference, and records one verdict for each, in
 * frame order.
 */
export class Pipeline {
  readonly #deps: Deps;
  readonly #options: PipelineOptions;
  readonly #window: Window | undefined;
  readonly #recording = new Set<Promise<unknown>>();

  constructor(deps: Deps, options: PipelineOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#window = options.window && new Window(options.window);
  }

  /** Resolves when the frames have ended and every verdict is recorded. */
  async run(): Promise<void> {
    const inFlight: Promise<void>[] = [];
    let previous: Promise<void> = Promise.resolve();
    // The next frame is taken only when there is room, so that the buffer decides which frame is worth it.
    for await (const frame of this.#deps.frames) {
      const turn = previous;
      previous = judge(this.#deps, frame, this.#options).then(async (judged) => {
        await turn;
        this.#conclude(judged);
      });
      inFlight.push(previous);
      if (inFlight.length >= this.#options.inFlight) await inFlight.shift();
    }
    await previous;
    await Promise.all(this.#recording);
  }

  /** Does not wait for the store: its group commit takes longer than a frame. */
  #conclude(judged: Judged): void {
    const verdict = this.#window?.next(judged.verdict) ?? judged.verdict;
    const recording = this.#deps
      .record({ ...judged, verdict })
      .catch((error: unknown) => {
        const fields = { pipeline: this.#options.name, frame: judged.frame.id, err: error };
        this.#deps.logger.error(fields, "verdict was not stored");
      })
      .finally(() => this.#recording.delete(recording));
    this.#recording.add(recording);
  }
}
