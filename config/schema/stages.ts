import { z } from "zod";
import { id, positiveNumber, text } from "./scalars.ts";

export const score = z.number().min(0).max(1);
const share = z.number().min(0).max(1);
const coordinate = z.number().min(-65_536).max(65_536);
const pixels = z.int().min(0).max(65_536);
export const point = z.tuple([coordinate, coordinate]).meta({ "x-noun": "a point such as [120, 80]" });
const verdict = z.enum(["fail", "review", "error"]).default("fail");

const expected = z
  .strictObject({
    min: z.int().min(0).max(10_000).describe("Fewest that are right."),
    max: z.int().min(0).max(10_000).describe("Most that are right."),
  })
  .superRefine(({ max, min }, ctx) => {
    if (min <= max) return;
    ctx.addIssue({ code: "custom", path: ["min"], message: `must not be above max (${max})` });
  });

export const rule = z
  .strictObject({
    labels: z.array(text).min(1).optional().describe("Labels that count. Left out: all of the model's."),
    attributes: z
      .record(id, text.describe("The label that it must have given."))
      .optional()
      .describe("What `classify` stages with `writes: attribute` must have said, by their models' names."),
    min_score: score
      .optional()
      .describe("The lowest score that counts. Left out: the pipeline's `min_score`."),
    min_area_px: positiveNumber
      .optional()
      .describe(
        "The smallest area of a detection's mask or box, in pixels of the camera's image. Left out: any.",
      ),
    min_area_mm2: positiveNumber
      .optional()
      .describe("The same in square millimetres; needs the pipeline's `px_per_mm`."),
    inside: id.optional().describe("Name of a zone in which a detection must lie to count."),
    outside: id.optional().describe("Name of a zone in which a detection must not lie to count."),
    min_count: z
      .int()
      .min(1)
      .max(10_000)
      .optional()
      .describe("Detections needed for the rule to apply. Left out: 1."),
    expect: expected
      .optional()
      .describe("In place of `min_count`: the rule applies when there are fewer or more than this."),
    verdict: verdict.describe("What the frame gets when the rule applies."),
  })
  .superRefine(({ expect, min_count }, ctx) => {
    if (expect === undefined || min_count === undefined) return;
    const params = { at: "key", hint: "remove one of the two" };
    ctx.addIssue({ code: "custom", path: ["expect"], message: "cannot stand next to min_count", params });
  });

export const window = z
  .strictObject({
    fails: z.int().min(1).max(1000).describe("Failed frames (k) that make the window fail."),
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
    .describe("Side of a tile in pixels of the picture. Left out: the model's own input."),
  overlap_px: pixels
    .default(96)
    .describe("How much two neighbours share at least; more than the largest defect is best."),
  merge: z
    .enum(["nms", "fuse"])
    .default("fuse")
    .describe(
      "What becomes of a detection that two tiles see: `nms` keeps the better box, `fuse` weighs both by their scores.",
    ),
});

const region = z.strictObject({
  stage: z.literal("region").describe("Looks at a rectangle of the picture only; no pixel is copied."),
  left: pixels.describe("Left edge in pixels."),
  top: pixels.describe("Top edge in pixels."),
  width: z.int().min(8).max(65_536).describe("Width in pixels."),
  height: z.int().min(8).max(65_536).describe("Height in pixels."),
});

const corners = z
  .tuple([point, point, point, point])
  .refine(isQuadrangle, {
    error: "must be the corners of a quadrangle without dents",
    params: { hint: "top left, top right, bottom right, bottom left" },
  })
  .meta({ "x-noun": "a list of four points" });

/** Each corner turns to the right of the two before it, as seen with y downwards. */
function isQuadrangle(given: readonly (readonly [number, number])[]): boolean {
  return given.every(([x, y], i) => {
    const [[x1, y1], [x2, y2]] = [given[(i + 1) % 4] ?? [x, y], given[(i + 2) % 4] ?? [x, y]];
    return (x1 - x) * (y2 - y1) - (y1 - y) * (x2 - x1) > 0;
  });
}

const rectify = z.strictObject({
  stage: z
    .literal("rectify")
    .describe(
      "Straightens a quadrilateral, such as a board seen at an angle, into a rectangle. It costs one pass over its pixels.",
    ),
  corners: corners.describe("Top left, top right, bottom right and bottom left, in pixels of the picture."),
  width: z.int().min(8).max(8192).describe("Width of the rectangle in pixels."),
  height: z.int().min(8).max(8192).describe("Height of the rectangle in pixels."),
});

const detect = z.strictObject({
  stage: z.literal("detect").describe("Adds what a model finds."),
  model: id.describe("Name of a model in `models`."),
  min_score: score.optional().describe("The lowest score that counts. Left out: the pipeline's `min_score`."),
  tile: tile
    .optional()
    .describe("Looks tile by tile at full detail, for defects that are small in a large picture."),
});

const classify = z.strictObject({
  stage: z.literal("classify").describe("Shows each detection so far to a second model."),
  model: id.describe("Name of a classifier in `models`."),
  labels: z.array(text).min(1).optional().describe("Detections that are shown. Left out: all."),
  margin: z
    .number()
    .min(0)
    .max(4)
    .default(0.1)
    .describe("Surroundings that are shown too, on each side, as a share of the box's size."),
  min_score: score
    .default(0)
    .describe("A detection whose best class has less is dropped, so that no rule counts it."),
  writes: z
    .enum(["label", "attribute"])
    .default("label")
    .describe("`label` replaces label and score; `attribute` adds them under the model's name."),
});

const track = z.strictObject({
  stage: z
    .literal("track")
    .describe("Follows parts over frames and judges each once, by the votes of its frames."),
  labels: z
    .array(text)
    .min(1)
    .optional()
    .describe("What a part is; everything else is a finding on one. Left out: every detection is a part."),
  line: z
    .tuple([point, point])
    .meta({ "x-noun": "a list of two points" })
    .optional()
    .describe("A part is judged when its centre crosses it. Left out: when it has left the view."),
  min_frames: z.int().min(1).max(1000).default(3).describe("Frames that must show a part for it to be one."),
  max_missed: z.int().min(0).max(1000).default(5).describe("Frames in a row that may miss a part."),
  min_iou: share
    .default(0.2)
    .describe("The smallest overlap of a part with the place where it was expected."),
  min_votes: share
    .default(0.5)
    .describe("Share of a part's frames that must show a finding for it to count."),
});

const rules = z.strictObject({
  stage: z.literal("rules").describe("Decides by labels, scores, sizes, positions and counts."),
  rules: z.array(rule).min(1).describe("What makes a frame fail, go to review or count as not judged."),
});

const gauge = z
  .strictObject({
    name: text.describe("Name of the dimension, as the result shows it."),
    what: z
      .enum(["width", "height", "distance"])
      .describe("A side of a box, or the distance between the centres of two boxes."),
    of: z
      .array(text)
      .min(1)
      .max(2)
      .describe("The label whose best detection is measured; for `distance` one for each end."),
    lsl: z.number().optional().describe("Lower limit that is still good. Left out: none."),
    usl: z.number().optional().describe("Upper limit that is still good. Left out: none."),
    verdict: verdict.describe("What the frame gets beyond a limit, and when there is nothing to measure."),
  })
  .superRefine(({ lsl, usl }, ctx) => {
    if (lsl === undefined || usl === undefined || lsl <= usl) return;
    ctx.addIssue({ code: "custom", path: ["lsl"], message: `must not be above usl (${usl})` });
  });

const measure = z.strictObject({
  stage: z
    .literal("measure")
    .describe(
      "Holds dimensions against tolerances: in millimetres with the pipeline's `px_per_mm`, else in pixels.",
    ),
  gauges: z.array(gauge).min(1).describe("The dimensions."),
});

const windowed = z
  .strictObject({
    stage: z.literal("window").describe("Judges the last n frames together: k failed ones make it fail."),
    ...window.shape,
  })
  .superRefine(checkWindow);

const hysteresis = z.strictObject({
  stage: z
    .literal("hysteresis")
    .describe("Changes between fail and not fail only after several frames in a row."),
  fail_after: z.int().min(1).max(1000).describe("Failed frames in a row that turn the verdict to fail."),
  pass_after: z.int().min(1).max(1000).describe("Frames in a row that did not fail, which turn it back."),
});

const custom = z.strictObject({
  stage: z
    .literal(["custom", "own"])
    .describe("A stage of your own, from `stages_folder`. Its old name `own` is still accepted."),
  name: id.describe("Its file's name without `.ts` or `.js`."),
  options: z
    .record(z.string(), z.unknown().meta({ "x-noun": "anything" }).describe("As the file needs it."))
    .default({})
    .describe("What it is made with; the file checks it itself."),
});

/** One branch a kind of stage, told apart by `stage`. */
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
