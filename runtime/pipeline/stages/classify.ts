import { type Clock, msBetween } from "../../base/clock.ts";
import type { Rect } from "../../native/index.ts";
import type { Box, Detection } from "../detection.ts";
import { mapConcurrently } from "../map-concurrently.ts";
import { areaOfView, pixelsOf, type Scene } from "../scene.ts";
import { addTiming, shareOf } from "../timing.ts";
import type { Seen, VisionModel } from "../vision-model.ts";
import type { LookingStage } from "./stage.ts";

export interface ClassifyOptions {
  /** Of the detections that are shown to the model; all when left out. */
  labels?: readonly string[] | undefined;
  /** Surroundings on each side, as a share of the box's size. */
  margin: number;
  /** A detection whose best class has less is dropped. */
  min_score: number;
  writes: "label" | "attribute";
}

interface Deps {
  /** The model of the frame at hand. */
  modelOf(scene: Scene): Pick<VisionModel, "detect">;
  /** Its name in the configuration, under which attributes stand. */
  name: string;
  runsPerFrame: number;
  clock: Clock;
}

/** Best first; what a frame has beyond stays as it was found. */
const CROPS_MAX = 100;

/** Shows each detection to a second model, which says more closely what it is. */
export function classifyStage(deps: Deps, options: ClassifyOptions): LookingStage {
  return {
    kind: "looking",
    needsPixels: true,
    async look(scene) {
      const begunNs = deps.clock.nowNs();
      const crops = cropsOf(scene, options);
      const picture = pixelsOf(scene.view);
      const { deadlineNs } = scene;
      const model = deps.modelOf(scene);
      const seen = await mapConcurrently(crops, deps.runsPerFrame, ({ area }) =>
        model.detect(picture, { minScore: 0, deadlineNs, area }),
      );
      const answers = new Map(crops.map(({ detection }, i) => [detection, seen[i]]));
      const detections = scene.detections.flatMap((d) => apply(d, answers.get(d), deps.name, options));
      const passedMs = msBetween(begunNs, deps.clock.nowNs());
      const timing = shareOf(
        seen.map((each) => each.timing),
        passedMs,
      );
      return { ...scene, detections, timing: addTiming(scene.timing, timing) };
    },
  };
}

/** The detection as the second model has it; nothing when that model is not sure enough. */
function apply(
  detection: Detection,
  seen: Seen | undefined,
  name: string,
  options: ClassifyOptions,
): Detection[] {
  if (!seen) return [detection];
  const [best] = seen.detections;
  if (!best || best.score < options.min_score) return [];
  const { classId, label, score } = best;
  if (options.writes === "label") return [{ ...detection, label, classId, score }];
  return [{ ...detection, attributes: { ...detection.attributes, [name]: { label, score } } }];
}

function cropsOf({ detections, view }: Scene, { labels, margin }: ClassifyOptions) {
  const whole = areaOfView(view);
  return detections
    .filter(({ label }) => labels === undefined || labels.includes(label))
    .toSorted((a, b) => b.score - a.score)
    .slice(0, CROPS_MAX)
    .flatMap((detection) => {
      const area = cropAround(view.fromSource(detection.box), margin, whole);
      return area ? [{ detection, area }] : [];
    });
}

/** Undefined when the box lies outside the view. */
function cropAround([x1, y1, x2, y2]: Box, margin: number, whole: Rect): Rect | undefined {
  const [dx, dy] = [(x2 - x1) * margin, (y2 - y1) * margin];
  const left = Math.max(whole.left, Math.floor(x1 - dx));
  const top = Math.max(whole.top, Math.floor(y1 - dy));
  const right = Math.min(whole.left + whole.width, Math.ceil(x2 + dx));
  const bottom = Math.min(whole.top + whole.height, Math.ceil(y2 + dy));
  return right > left && bottom > top ? { left, top, width: right - left, height: bottom - top } : undefined;
}
