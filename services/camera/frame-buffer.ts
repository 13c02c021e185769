import { BoundedQueue } from "../../runtime/base/bounded-queue.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import type { Frame } from "../../runtime/pipeline/frame.ts";
import type { FrameQueue } from "../../runtime/pipeline/frame-queue.ts";

/** `free_run`: only the newest frames matter. `triggered`: each frame is a part, and each part gets an answer. */
export type FrameMode = "free_run" | "triggered";

const NO_PICTURE = { encoding: "still", bytes: new Uint8Array() } as const;

interface BufferOptions {
  /** Says of a frame in `free_run` that nothing may be decided by it any more. */
  isStale?: (frame: Frame) => boolean;
}

/**
 * Between a camera, which does not wait, and a pipeline, which may be late. When full, `free_run` gives up the
 * oldest frame and counts it; `triggered` gives up the newcomer's picture, and its part gets the verdict `error`.
 */
export class FrameBuffer implements FrameQueue {
  readonly #mode: FrameMode;
  readonly #isStale: (frame: Frame) => boolean;
  readonly #frames: BoundedQueue<Frame>;
  /** Triggered parts without their picture: a few words each, answered as fast as the pipeline can turn. */
  #lost: Frame[] = [];
  #dropped = 0;
  #dropsBefore = 0;
  #ended = false;
  #wakeReader = () => {};
  #wakeWriter = () => {};

  constructor(mode: FrameMode, capacity: number, { isStale = () => false }: BufferOptions = {}) {
    this.#mode = mode;
    this.#isStale = isStale;
    this.#frames = new BoundedQueue(capacity);
  }

  /** Frames given up so far. */
  get dropped(): number {
    return this.#dropped;
  }

  push(frame: Frame): void {
    if (this.#ended) {
      frame.release();
    } else if (this.#mode === "free_run") {
      const oldest = this.#frames.pushEvictingOldest(frame);
      if (oldest) this.drop(oldest);
    } else if (this.#lost.length > 0 || !this.#frames.push(frame)) {
      this.drop(frame);
      const lost = new SightlineError(
        "ERR_QUEUE_FULL",
        "the part's frame arrived while all buffers were in use",
      );
      this.#lost.push({ ...frame, picture: NO_PICTURE, lost, release: () => {} });
    }
    this.#wakeReader();
  }

  /** Resolves when a push would drop nothing, or after `end`. */
  async room(): Promise<void> {
    while (this.#frames.isFull && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
      });
    }
  }

  /** Gives up what waits: its camera has stalled. A triggered part keeps its picture, which is of no other part. */
  discard(): void {
    if (this.#mode === "triggered") return;
    for (let frame = this.#frames.shift(); frame; frame = this.#frames.shift()) this.drop(frame);
    this.#wakeWriter();
  }

  /** Takes no more; what is buffered can still be read. */
  end(): void {
    this.#ended = true;
    this.#wakeReader();
    this.#wakeWriter();
  }

  async waiting(): Promise<boolean> {
    if (this.#isEmpty && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
    return !(this.#isEmpty && this.#ended);
  }

  wake(): void {
    this.#wakeReader();
  }

  get #isEmpty(): boolean {
    return this.#frames.size === 0 && this.#lost.length === 0;
  }

  take({ isLate }: { isLate: boolean }): Frame | undefined {
    const frame = this.#next(isLate);
    if (!frame) return undefined;
    const dropsBefore = this.#dropsBefore + frame.dropsBefore;
    this.#dropsBefore = 0;
    return { ...frame, dropsBefore };
  }

  #next(isLate: boolean): Frame | undefined {
    const freeRun = this.#mode === "free_run";
    while (freeRun && isLate && this.#frames.size > 1) this.#dropNext();
    let frame = this.#frames.shift();
    while (frame && freeRun && this.#isStale(frame)) {
      this.drop(frame);
      frame = this.#frames.shift();
    }
    this.#wakeWriter();
    return frame ?? this.#lost.shift();
  }

  #dropNext(): void {
    const frame = this.#frames.shift();
    if (frame) this.drop(frame);
  }

  /** Gives a frame up, and counts it. */
  drop(frame: Frame): void {
    this.#dropped++;
    this.#dropsBefore += 1 + frame.dropsBefore;
    frame.release();
  }
}
