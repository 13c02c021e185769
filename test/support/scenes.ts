import type { Detection } from "../../runtime/pipeline/detection.ts";
import type { Picture } from "../../runtime/pipeline/frame.ts";
import { type Scene, wholeView } from "../../runtime/pipeline/scene.ts";
import { NO_TIME } from "../../runtime/pipeline/timing.ts";
import { aFrame } from "./frames.ts";

/** What a looking stage is given: a frame of which nothing is known yet, but for `detections`. */
export function aScene(picture: Picture, detections: readonly Detection[] = []): Scene {
  const { picture: _, release: __, ...frame } = aFrame();
  return {
    frame,
    deadlineNs: undefined,
    source: undefined,
    view: wholeView(picture),
    detections,
    timing: NO_TIME,
    models: {
      of: () => {
        throw new Error("this scene has no models");
      },
    },
  };
}
