import * as z from "zod";
import { id, positiveNumber, text } from "./scalars.ts";

export const score = z.number().min(0).max(1);
const share = z.number().min(0).max(1);
const coordinate = z.number().min(-65_536).max(65_536);
const pixels = z.int().min(0).max(65_536);
export const point = z.tuple([coordinate, coordinate]).meta({ "x-noun": "a point such as [120, 80]" });
const verdict = z.enum(["fail", "review", "error"]).default("fail");

const expected = z
  .strictObject({
    min: z.int().min(0).max(10_000).describe("Smallest count that is in order."),
    max: z.int().min(0).max(10_000).describe("Largest count that is in order."),
  })
  .superRefine(({ max, min }, ctx) => {
    if (min <= max) return;
    ctx.addIssue({ code: "custom", path: ["min"], message: `must not be above max (${max})` });
  });

export const rule = z
  .strictObject({
    labels: z.array(text).min(1).optional().describe("Labels that count. Default: all labels of the model."),
    attributes: z
      .record(id, text.describe("The label that the classifier must have given."))
      .optional()
      .describe(
        "Labels that `classify` stages with `writes: attribute` must have given, by the name of the model.",
      ),
    min_score: score.optional().describe("Lowest score that counts. Default: the pipeline's `min_score`."),
    min_area_px: positiveNumber
      .optional()
      .describe(
        "Smallest area of a detection's mask or box that counts, in pixels of the camera's image. Default: any.",
      ),
    min_area_mm2: positiveNumber
      .optional()
      .describe("The same in square millimetres; requires the pipeline's `px_per_mm`."),
    inside: id.optional().describe("Name of a zone in which a detection must lie to count."),
    outside: id.optional().describe("Name of a zone in which a detection must not lie to count."),
    min_count: z
      .int()
      .min(1)
      .max(10_000)
      .optional()
      .describe("How many detections make the rule apply. Default: 1."),
    expect: expected
      .optional()
      .describe(
        "Instead of `min_count`: the rule applies when there are fewer or more detections than this.",
      ),
    verdict: verdict.describe("Verdict of the frame when the rule applies."),
  })
  .superRefine(({ expect, min_count }, ctx) => {
    if (expect === undefined || min_count === undefined) return;
    const params = { at: "key", hint: "remove one of the two" };
    ctx.addIssue({ code: "custom", path: ["expect"], message: "cannot be combined with min_count", params });
  });

export const window = z
  .strictObject({
    fails: z.int().min(1).max(1000).describe("How many failed frames (k) make the window fail."),
    of: z.int().min(1).max(1000).describe("Length of the window in frames (n)."),
  })
  .superRefine(checkWindow);

function checkWindow(value: { fails: number; of: number }, ctx: z.RefinementCtx): void {
  if (value.fails <= value.of) return;
  const message = `must not be above of (${value.of}), the window's length`;
  ctx.addIssue({ code: "custom", path: ["fails"], message });
}

const tile = z.strictObject({
  size_px: z
    .int()
    .min(32)
    .max(16_384)
    .optional()
    .describe("Side of a tile in pixels of the picture. Default: the size of the model's input."),
  overlap_px: pixels
    .default(96)
    .describe("Smallest overlap of neighbouring tiles; best set larger than the largest defect."),
  merge: z
    .enum(["nms", "fuse"])
    .default("fuse")
    .describe(
      "How detections of the same object in several tiles are merged: `nms` keeps the best box, `fuse` averages the boxes weighted by score.",
    ),
});

const region = z.strictObject({
  stage: z
    .literal("region")
    .describe("Restricts the following stages to a rectangle of the picture. No pixels are copied."),
  left: pixels.describe("Left edge in pixels."),
  top: pixels.describe("Top edge in pixels."),
  width: z.int().min(8).max(65_536).describe("Width in pixels."),
  height: z.int().min(8).max(65_536).describe("Height in pixels."),
});

const corners = z
  .tuple([point, point, point, point])
  .refine(isConvexQuadrilateral, {
    error: "must be the corners of a convex quadrilateral",
    params: { hint: "list top left, top right, bottom right, bottom left" },
  })
  .meta({ "x-noun": "a list of four points" });

/** Each corner turns to the right of the two before it, as seen with y downwards. */
function isConvexQuadrilateral(given: readonly (readonly [number, number])[]): boolean {
  return given.every(([x, y], i) => {
    const [[x1, y1], [x2, y2]] = [given[(i + 1) % 4] ?? [x, y], given[(i + 2) % 4] ?? [x, y]];
    return (x1 - x) * (y2 - y1) - (y1 - y) * (x2 - x1) > 0;
  });
}

const rectify = z.strictObject({
  stage: z
    .literal("rectify")
    .describe(
      "Warps a quadrilateral, such as a board seen at an angle, into a rectangle. It costs one pass over the pixels.",
    ),
  corners: corners.describe("Top left, top right, bottom right and bottom left, in pixels of the picture."),
  width: z.int().min(8).max(8192).describe("Width of the rectangle in pixels."),
  height: z.int().min(8).max(8192).describe("Height of the rectangle in pixels."),
});

const detect = z.strictObject({
  stage: z.literal("detect").describe("Runs a model and adds its detections."),
  model: id.describe("Name of a model in `models`."),
  min_score: score.optional().describe("Lowest score that counts. Default: the pipeline's `min_score`."),
  tile: tile
    .optional()
    .describe("Runs the model on tiles at full resolution, for small defects in a large picture."),
});

const classify = z.strictObject({
  stage: z.literal("classify").describe("Crops each detection so far and classifies it with a second model."),
  model: id.describe("Name of a classifier in `models`."),
  labels: z.array(text).min(1).optional().describe("Labels of the detections to classify. Default: all."),
  margin: z
    .number()
    .min(0)
    .max(4)
    .default(0.1)
    .describe("Margin added to the crop on each side, as a share of the box's size."),
  min_score: score
    .default(0)
    .describe("A detection whose best class scores lower is dropped, so that no rule counts it."),
  writes: z
    .enum(["label", "attribute"])
    .default("label")
    .describe(
      "`label` replaces the detection's label and score; `attribute` adds them under the model's name.",
    ),
});

const track = z.strictObject({
  stage: z
    .literal("track")
    .describe("Tracks parts from frame to frame and judges each part once, by the votes of its frames."),
  labels: z
    .array(text)
    .min(1)
    .optional()
    .describe(
      "Labels of parts; detections with other labels are findings on a part. Default: every detection is a part.",
    ),
  line: z
    .tuple([point, point])
    .meta({ "x-noun": "a list of two points" })
    .optional()
    .describe("A part is judged when its centre crosses this line. Default: when it has left the view."),
  min_frames: z
    .int()
    .min(1)
    .max(1000)
    .default(3)
    .describe("How many frames must show a part for it to count."),
  max_missed: z
    .int()
    .min(0)
    .max(1000)
    .default(5)
    .describe("How many frames in a row may miss a part before its track ends."),
  min_iou: share
    .default(0.2)
    .describe("Smallest overlap (IoU) of a part's box with the position predicted for it."),
  min_votes: share
    .default(0.5)
    .describe("Share of a part's frames that must show a finding for the finding to count."),
});

const rules = z.strictObject({
  stage: z.literal("rules").describe("Decides by labels, scores, sizes, positions and counts."),
  rules: z.array(rule).min(1).describe("The rules that make a frame fail, go to review or be an error."),
});

const gauge = z
  .strictObject({
    name: text.describe("Name of the measurement in the result."),
    what: z
      .enum(["width", "height", "distance"])
      .describe("What is measured: a side of a box, or the distance between the centres of two boxes."),
    of: z
      .array(text)
      .min(1)
      .max(2)
      .describe("Label whose best detection is measured; for `distance` one label for each end."),
    lsl: z.number().optional().describe("Lower specification limit. Default: none."),
    usl: z.number().optional().describe("Upper specification limit. Default: none."),
    verdict: verdict.describe(
      "Verdict of the frame outside the limits, and when there is nothing to measure.",
    ),
  })
  .superRefine(({ lsl, usl }, ctx) => {
    if (lsl === undefined || usl === undefined || lsl <= usl) return;
    ctx.addIssue({ code: "custom", path: ["lsl"], message: `must not be above usl (${usl})` });
  });

const measure = z.strictObject({
  stage: z
    .literal("measure")
    .describe(
      "Checks dimensions against tolerances, in millimetres with the pipeline's `px_per_mm`, otherwise in pixels.",
    ),
  gauges: z.array(gauge).min(1).describe("The dimensions to measure."),
});

const windowed = z
  .strictObject({
    stage: z
      .literal("window")
      .describe("Judges the last n frames together: the verdict is fail when k of them failed."),
    ...window.shape,
  })
  .superRefine(checkWindow);

const hysteresis = z.strictObject({
  stage: z
    .literal("hysteresis")
    .describe("Changes the verdict to fail, and back, only after several frames in a row."),
  fail_after: z.int().min(1).max(1000).describe("How many failed frames in a row turn the verdict to fail."),
  pass_after: z.int().min(1).max(1000).describe("How many frames in a row without a fail turn it back."),
});

const custom = z.strictObject({
  stage: z
    .literal(["custom", "own"])
    .describe("A stage that you wrote, loaded from `stages_folder`. The old name `own` is still accepted."),
  name: id.describe("Name of its file, without `.ts` or `.js`."),
  options: z
    .record(
      z.string(),
      z.unknown().meta({ "x-noun": "anything" }).describe("Any value that the stage expects."),
    )
    .default({})
    .describe("Options passed to the stage, which checks them itself."),
});

/** One branch for each kind of stage, selected by `stage`. */
export const stage = z.discriminatedUnion("stage", [
  region,
  rectify,
  detect,
  classify,
  track,
  rules,
  measure,
  windowed,
  hysteresis,
  custom,
]);

export type StageConfig = z.output<typeof stage>;
