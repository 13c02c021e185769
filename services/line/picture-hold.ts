import type { Frame, Picture } from "../../runtime/pipeline/frame.ts";
import type { FrameQueue } from "../../runtime/pipeline/frame-queue.ts";

export interface HeldPicture {
  picture: Picture;
  /** To be called once. */
  release(): void;
}

interface Held {
  picture: Picture;
  /** The hold itself, and whoever took the picture. */
  users: number;
  release(): void;
}

/**
 * Keeps the pictures of the frames that a pipeline has seen enough of until their verdicts are there, which say
 * whether anyone wants the picture. A frame may have several verdicts, or none: so never more are kept than the
 * pipeline may have in flight, and a verdict gives up all frames before its own.
 */
export class PictureHold {
  readonly #framesMax: number;
  /** By frame id. */
  readonly #held = new Map<number, Held>();

  constructor(framesMax: number) {
    this.#framesMax = framesMax;
  }

  /** The same frames; what the pipeline releases is held from then on. */
  over(frames: FrameQueue): FrameQueue {
    return {
      waiting: () => frames.waiting(),
      wake: () => frames.wake(),
      take: (options) => {
        const frame = frames.take(options);
        return frame && { ...frame, release: () => this.#hold(frame) };
      },
    };
  }

  /** The picture of a frame that is judged; the caller releases it. Verdicts come in the order of the frames. */
  take(frameId: number): HeldPicture | undefined {
    this.#giveUpBelow(frameId);
    const held = this.#held.get(frameId);
    if (!held) return undefined;
    held.users++;
    return { picture: held.picture, release: () => leave(held) };
  }

  /** After the last verdict. */
  end(): void {
    this.#giveUpBelow(Number.POSITIVE_INFINITY);
  }

  #hold({ id, picture, release }: Frame): void {
    this.#held.set(id, { picture, users: 1, release });
    if (this.#held.size > this.#framesMax) this.#giveUp(Math.min(...this.#held.keys()));
  }

  #giveUpBelow(frameId: number): void {
    for (const id of this.#held.keys()) if (id < frameId) this.#giveUp(id);
  }

  #giveUp(id: number): void {
    const held = this.#held.get(id);
    this.#held.delete(id);
    if (held) leave(held);
  }
}

function leave(held: Held): void {
  if (--held.users === 0) held.release();
}
