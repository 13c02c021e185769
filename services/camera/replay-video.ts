import type { Clock } from "../../runtime/base/clock.ts";
import type { Frame } from "../../runtime/pipeline/frame.ts";
import { type Fps, untilDue } from "./pace.ts";
import type { SourceListener, SourceStats, SupervisedSource } from "./report.ts";

export const VIDEO = /\.(mp4|m4v|mov|mkv|webm|avi|ogv|ogg|ts|mpe?g)$/i;

export interface ReplayVideoOptions {
  path: string;
  fps: Fps;
}

interface Deps {
  clock: Clock;
  /** Delivers all frames of the file, and waits for whoever takes them. */
  video: SupervisedSource;
}

/** Plays a video file as if a camera had taken it: every frame, at a rate of one's own. */
export class ReplayVideoSource implements SupervisedSource {
  readonly #deps: Deps;
  readonly #options: ReplayVideoOptions;

  constructor(deps: Deps, options: ReplayVideoOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  get canWait(): boolean {
    return this.#options.fps === "max";
  }

  get stats(): SourceStats {
    return this.#deps.video.stats;
  }

  listen(listener: SourceListener): void {
    this.#deps.video.listen(listener);
  }

  async *frames(signal: AbortSignal): AsyncIterable<Frame> {
    const { clock, video } = this.#deps;
    const { fps, path } = this.#options;
    const startNs = clock.nowNs();
    for await (const frame of video.frames(signal)) {
      await untilDue(clock, { id: frame.id, fps, startNs }, signal);
      yield { ...frame, origin: path, capturedAtNs: clock.nowNs(), capturedAtMs: clock.wallMs() };
    }
  }
}
