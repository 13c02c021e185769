import { type Clock, msBetween } from "../../base/clock.ts";
import { SightlineError } from "../../base/errors.ts";
import type { Kernels, Rect } from "../../native/index.ts";
import { type Corners, inverse, projectBox, rectangleToQuadrangle } from "../homography.ts";
import { packPixels } from "../preprocess.ts";
import { areaOfView, pixelsOf, type View } from "../scene.ts";
import { addTiming, NO_TIME } from "../timing.ts";
import { Warper } from "../warper.ts";
import type { LookingStage } from "./stage.ts";

export interface RectifyOptions {
  /** In pixels of the view that it stands behind. */
  corners: Corners;
  /** Of the rectangle, in pixels. */
  width: number;
  height: number;
}

/** Turns a quadrangle of the picture into a rectangle, in a thread of its own; boxes come out in the source frame. */
export function rectifyStage(
  deps: { kernels: Pick<Kernels, "preprocess">; clock: Clock },
  { corners, height, width }: RectifyOptions,
): LookingStage {
  const warper = new Warper();
  const map = rectangleToQuadrangle({ width, height }, corners);
  return {
    kind: "looking",
    needsPixels: true,
    async look(scene) {
      const begunNs = deps.clock.nowNs();
      const around = boundsOf(corners, areaOfView(scene.view));
      const source = await packPixels(deps.kernels, pixelsOf(scene.view), around);
      const [a, b, c, d, e, f, g, h, i] = map;
      const { left, top } = around;
      const toBounds = [
        a - left * g,
        b - left * h,
        c - left * i,
        d - top * g,
        e - top * h,
        f - top * i,
        g,
        h,
        i,
      ] as const;
      const warped = await warper.warp({ source, target: { width, height }, map: toBounds });
      const view = rectified(scene.view, map, warped.data, { width, height, channels: warped.channels });
      const pre = msBetween(begunNs, deps.clock.nowNs());
      return { ...scene, view, timing: addTiming(scene.timing, { ...NO_TIME, pre }) };
    },
    close: () => warper.close(),
  };
}

function rectified(
  before: View,
  map: ReturnType<typeof rectangleToQuadrangle>,
  bytes: Uint8Array,
  { channels, height, width }: { width: number; height: number; channels: number },
): View {
  const back = inverse(map);
  const format = channels === 1 ? "gray8" : "rgb24";
  const planes = [{ offset: 0, stride: width * channels }];
  return {
    picture: { encoding: "raw", format, width, height, planes, bytes },
    toSource: (box) => before.toSource(projectBox(map, box)),
    fromSource: (box) => projectBox(back, before.fromSource(box)),
  };
}

/** The pixels that a quadrangle touches, cut at the view's edges. */
function boundsOf(corners: Corners, { height, left, top, width }: Rect): Rect {
  const clamp = (v: number, low: number, size: number) => Math.min(Math.max(v, low), low + size);
  const xs = corners.map(([x]) => x);
  const ys = corners.map(([, y]) => y);
  const x1 = clamp(Math.floor(Math.min(...xs)) - 1, left, width);
  const y1 = clamp(Math.floor(Math.min(...ys)) - 1, top, height);
  const x2 = clamp(Math.ceil(Math.max(...xs)) + 1, left, width);
  const y2 = clamp(Math.ceil(Math.max(...ys)) + 1, top, height);
  if (x2 > x1 && y2 > y1) return { left: x1, top: y1, width: x2 - x1, height: y2 - y1 };
  const hint = "Correct `corners` of the rectify stage, or the camera's size.";
  throw new SightlineError("ERR_FRAME_INVALID", "the rectify stage's corners are outside the picture", {
    hint,
  });
}
