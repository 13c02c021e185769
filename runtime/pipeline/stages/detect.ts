import type { Clock } from "../../base/clock.ts";
import { msBetween } from "../../base/clock.ts";
import { boxArea, type Detection } from "../detection.ts";
import type { Size } from "../fit.ts";
import { mapConcurrently } from "../map-concurrently.ts";
import { type Merge, mergeTiles } from "../merge.ts";
import { areaOfView, pixelsOf, type Scene, type View } from "../scene.ts";
import { tilesOver } from "../tiles.ts";
import { addTiming, shareOf } from "../timing.ts";
import type { Seen, VisionModel } from "../vision-model.ts";
import type { LookingStage } from "./stage.ts";

export interface DetectOptions {
  /** 0 to 1; detections below are not reported. */
  min_score: number;
  tile?: TileOptions | undefined;
}

export interface TileOptions {
  /** Side of a tile in pixels of the frame; the model's own input when left out. */
  size_px?: number | undefined;
  /** Which two neighbours share, at least. */
  overlap_px: number;
  merge: Merge;
}

interface Deps {
  /** The model of the frame at hand. */
  modelOf(scene: Scene): Pick<VisionModel, "detect"> & { options: { input: Size } };
  /** Runs of one frame at a time. */
  runsPerFrame: number;
  clock: Clock;
}

/** Adds what a model finds in the view: in one run, or tile by tile where details are small. */
export function detectStage(deps: Deps, options: DetectOptions): LookingStage {
  const { tile } = options;
  const find = (scene: Scene) =>
    tile ? findInTiles(deps, options, tile, scene) : findInView(deps, options, scene);
  return {
    kind: "looking",
    needsPixels: tile !== undefined,
    async look(scene) {
      const { detections, source, timing } = await find(scene);
      const found = detections.map((d) => inSource(d, scene.view));
      return {
        ...scene,
        source: scene.source ?? source,
        detections: [...scene.detections, ...found],
        timing: addTiming(scene.timing, timing),
      };
    },
  };
}

/** What was found in the view, as it lies in the source frame. */
function inSource(detection: Detection, { toSource }: View): Detection {
  const { areaPx, keypoints } = detection;
  const box = toSource(detection.box);
  const scale = boxArea(box) / (boxArea(detection.box) || 1);
  const points = keypoints?.map(({ at: [x, y], score }) => {
    const [left, top] = toSource([x, y, x, y]);
    return { at: [left, top] as const, score };
  });
  const area = areaPx === undefined ? undefined : areaPx * scale;
  return {
    ...detection,
    box,
    ...(area !== undefined && { areaPx: area }),
    ...(points && { keypoints: points }),
  };
}

const findInView = (
  { modelOf }: Deps,
  { min_score: minScore }: DetectOptions,
  scene: Scene,
): Promise<Seen> => {
  const { deadlineNs, frame, view } = scene;
  const { area, picture } = view;
  return modelOf(scene).detect(picture, { minScore, deadlineNs, source: frame.camera, area });
};

async function findInTiles(
  { clock, runsPerFrame, modelOf }: Deps,
  { min_score: minScore }: DetectOptions,
  { merge, overlap_px, size_px }: TileOptions,
  scene: Scene,
): Promise<Seen> {
  const { deadlineNs, view } = scene;
  const begunNs = clock.nowNs();
  const model = modelOf(scene);
  const { height, width } = model.options.input;
  const size = { width: size_px ?? width, height: size_px ?? height };
  const tiles = tilesOver(areaOfView(view), size, overlap_px);
  const picture = pixelsOf(view);
  const seen = await mapConcurrently(tiles, runsPerFrame, (area) =>
    model.detect(picture, { minScore, deadlineNs, area }),
  );
  const looks = seen.map((each, i) => ({ detections: each.detections, tile: tiles[i] ?? areaOfView(view) }));
  const detections = mergeTiles(looks, merge);
  const timing = shareOf(
    seen.map((each) => each.timing),
    msBetween(begunNs, clock.nowNs()),
  );
  return { detections, source: undefined, timing };
}
