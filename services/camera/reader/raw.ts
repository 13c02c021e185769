import type { FramePlace } from "./frame-place.ts";
import type { Pipe } from "./pipe.ts";

/** Frames of one size with nothing between them: a byte too many or too few cannot be seen until the end. */
export function readRaw(pipe: Pipe, place: FramePlace, bytes: number): never {
  for (;;) {
    const target = place.space(bytes, { isStill: false });
    const first = pipe.readSome(target, 0, bytes);
    place.begin();
    pipe.readAll(target, first, bytes - first);
    place.frame(bytes, { isStill: false });
  }
}
