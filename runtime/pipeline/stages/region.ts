import { SightlineError } from "../../base/errors.ts";
import type { Rect } from "../../native/index.ts";
import { areaOfView } from "../scene.ts";
import type { LookingStage } from "./stage.ts";

/** Whole pixels of the view that it stands behind: the frame's, or those of a rectified one. */
export type RegionOptions = Rect;

/** Lets the stages behind it see a rectangle of the picture only. Costs nothing: no pixel is copied. */
export function regionStage({ height, left, top, width }: RegionOptions): LookingStage {
  return {
    kind: "looking",
    needsPixels: true,
    async look(scene) {
      const whole = areaOfView(scene.view);
      const area = { left: whole.left + left, top: whole.top + top, width, height };
      if (left + width <= whole.width && top + height <= whole.height) {
        return { ...scene, view: { ...scene.view, area } };
      }
      const message = `region ${width}×${height} at ${left}, ${top} is not inside the ${whole.width}×${whole.height} picture`;
      const hint = "Correct `region` in the pipeline, or the camera's size.";
      throw new SightlineError("ERR_FRAME_INVALID", message, { hint });
    },
  };
}
