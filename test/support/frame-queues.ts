import type { Frame } from "../../runtime/pipeline/frame.ts";
import type { FrameQueue } from "../../runtime/pipeline/frame-queue.ts";

/** Each frame of the queue as soon as it waits, as a pipeline with permits to spare takes them. */
export async function* framesOf(queue: FrameQueue): AsyncGenerator<Frame> {
  while (await queue.waiting()) {
    const frame = queue.take({ isLate: false });
    if (frame) yield frame;
  }
}

/** A queue of frames that are made when a pipeline asks for the next one. */
export function queueOver(frames: AsyncIterator<Frame>): FrameQueue {
  let next: Frame | undefined;
  return {
    waiting: async () => {
      const { done, value } = next ? { done: false, value: next } : await frames.next();
      next = done ? undefined : value;
      return !done;
    },
    wake: () => {},
    take: () => {
      const frame = next;
      next = undefined;
      return frame;
    },
  };
}
