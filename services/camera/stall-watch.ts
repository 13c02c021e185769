import type { Clock } from "../../runtime/base/clock.ts";
import { msBetween } from "../../runtime/base/clock.ts";

interface Options {
  /** Longest wait for the first frame. */
  startMs: number;
  /** Longest wait for each other. */
  stallMs: number;
}

const LOOKS_PER_LIMIT = 20;

/**
 * Looks at a counter of frames until it stands still for too long. The counter is the reader thread's, so that a late
 * main thread does not take its own delay for the camera's.
 */
export class StallWatch {
  readonly #clock: Clock;
  readonly #options: Options;
  readonly #frames: () => number;
  #timer: NodeJS.Timeout | undefined;

  constructor(clock: Clock, frames: () => number, options: Options) {
    this.#clock = clock;
    this.#frames = frames;
    this.#options = options;
  }

  /** Calls `onStall` once, with the milliseconds waited, at most the limit after the last frame. */
  start(onStall: (waitedMs: number) => void): void {
    const { startMs, stallMs } = this.#options;
    const periodMs = stallMs / LOOKS_PER_LIMIT;
    const first = this.#frames();
    let seen = first;
    let sinceNs = this.#clock.nowNs();
    this.#timer = setInterval(() => {
      const nowNs = this.#clock.nowNs();
      const frames = this.#frames();
      const waitedMs = msBetween(sinceNs, nowNs);
      if (frames !== seen) {
        seen = frames;
        sinceNs = nowNs;
      } else if (waitedMs + periodMs >= (seen === first ? startMs : stallMs)) {
        this.stop();
        onStall(waitedMs);
      }
    }, periodMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
