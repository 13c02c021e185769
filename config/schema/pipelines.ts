import { z } from "zod";
import { duration, id, positiveNumber, text } from "./scalars.ts";

const score = z.number().min(0).max(1);

const rule = z.strictObject({
  labels: z.array(text).min(1).optional().describe("Labels that count. Left out: all of the model's."),
  min_score: score.optional().describe("Least score that counts. Left out: the pipeline's."),
  min_area_px: positiveNumber
    .optional()
    .describe("Least area of a detection's box, in pixels of the camera's image. Left out: any."),
  min_count: z.int().min(1).max(10_000).default(1).describe("Detections needed for the rule to apply."),
  verdict: z.enum(["fail", "review"]).default("fail").describe("What the frame gets when the rule applies."),
});

const window = z
  .strictObject({
    fails: z.int().min(1).max(1000).describe("Failed frames (k) that make the window fail."),
    of: z.int().min(1).max(1000).describe("Length of the window in frames (n)."),
  })
  .superRefine((value, ctx) => {
    if (value.fails <= value.of) return;
    const message = `must not be above of (${value.of}), the window's length`;
    ctx.addIssue({ code: "custom", path: ["fails"], message });
  });

export const pipeline = z.strictObject({
  camera: id.describe("Name of a camera in `cameras`."),
  model: id.describe("Name of a model in `models`."),
  min_score: score.default(0.3).describe("Least score of a detection that counts at all."),
  deadline: duration({ min: "1ms", max: "10m", example: "500ms" })
    .optional()
    .describe("Time from capture after which a verdict is no longer useful. Left out: none."),
  rules: z
    .array(rule)
    .min(1)
    .prefault([{}])
    .describe(
      "What makes a frame fail or go to review; fail outranks review. As it stands: any detection fails.",
    ),
  window: window
    .optional()
    .describe(
      "Also judge the last n frames together: k failed ones make the window fail. Left out: no window.",
    ),
});
