import type { Frame, Picture } from "../../runtime/pipeline/frame.ts";

export interface HeldPicture {
  picture: Picture;
  release(): void;
}

/**
 * Keeps the picture of each frame from the moment a pipeline has seen enough of it until its verdict is there, which
 * says whether anyone wants the picture. A pipeline has no more frames without a verdict than it may have in flight,
 * so no more are held than before.
 */
export class PictureHold {
  /** By frame id, in rising order. */
  readonly #held = new Map<number, HeldPicture>();

  /** The same frames; what the pipeline releases is held from then on. */
  async *over(frames: AsyncIterable<Frame>): AsyncIterable<Frame> {
    for await (const frame of frames) {
      this.#held.set(frame.id, { picture: frame.picture, release: frame.release });
      yield { ...frame, release: () => {} };
    }
  }

  /** The picture of a frame that is judged; the caller releases it. Verdicts come in the order of the frames. */
  take(frameId: number): HeldPicture | undefined {
    for (const [id, held] of this.#held) {
      if (id > frameId) return undefined;
      this.#held.delete(id);
      if (id === frameId) return held;
      held.release();
    }
    return undefined;
  }
}
