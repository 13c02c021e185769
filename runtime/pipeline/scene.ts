import { SightlineError } from "../base/errors.ts";
import type { Rect } from "../native/index.ts";
import type { Box, Detection } from "./detection.ts";
import type { Size } from "./fit.ts";
import type { Frame, Picture, RawPicture } from "./frame.ts";
import type { FrameModels } from "./frame-models.ts";
import type { Timing } from "./timing.ts";

/** What is kept of a frame when its picture has been looked at. */
export type FrameFacts = Omit<Frame, "picture" | "release">;

/** The picture that the next stage looks at, and how its pixels lie in the source frame. */
export interface View {
  picture: Picture;
  /** The part that is looked at; the whole picture when left out. */
  area?: Rect | undefined;
  /** A box in pixels of `picture` as one of the source frame, and back. */
  toSource(box: Box): Box;
  fromSource(box: Box): Box;
}

/** What the looking stages pass on from one to the next: one frame, and what is known of it so far. */
export interface Scene {
  frame: FrameFacts;
  /** Monotonic; beyond it no model is run for this frame. */
  deadlineNs: bigint | undefined;
  /** Of the frame as it came; undefined for a still that nobody has decoded yet. */
  source: Size | undefined;
  view: View;
  detections: readonly Detection[];
  timing: Timing;
  /** What the frame's stages may show it to. */
  models: Pick<FrameModels, "of">;
}

export const wholeView = (picture: Picture): View => ({
  picture,
  toSource: (box) => box,
  fromSource: (box) => box,
});

/** For stages that said that they need pixels: stills are decoded before the first of them. */
export function pixelsOf({ picture }: View): RawPicture {
  if (picture.encoding === "raw") return picture;
  throw new SightlineError("ERR_FRAME_INVALID", "the picture was not decoded");
}

export const areaOfView = (view: View): Rect => {
  const { height, width } = pixelsOf(view);
  return view.area ?? { left: 0, top: 0, width, height };
};
