import * as z from "zod";
import { child, isRecord } from "../../runtime/base/json-schema.ts";
import { duration, id, positiveNumber } from "./scalars.ts";
import { point, rule, type StageConfig, score, stage, window } from "./stages.ts";

const zone = z.strictObject({
  points: z
    .array(point)
    .min(3)
    .max(100)
    .describe("The zone's corners in order, in pixels of the camera's image."),
  overlap: score
    .optional()
    .describe("Share of a box that must lie in the zone. Default: the box's centre decides."),
});

export const pipeline = z
  .strictObject({
    camera: id.describe("Name of a camera in `cameras`."),
    model: id.optional().describe("Name of a model in `models`. Give either this or `stages`."),
    min_score: score.default(0.3).describe("The lowest score at which a detection counts at all."),
    deadline: duration({ min: "1ms", max: "10m", example: "500ms" })
      .optional()
      .describe("Time after capture from which a verdict is no longer useful. Default: none."),
    px_per_mm: positiveNumber
      .optional()
      .describe("Pixels of the camera's image per millimetre of the part. Default: unknown."),
    zones: z.record(id, zone).default({}).describe("Areas of the camera's image, for rules to refer to."),
    rules: z
      .array(rule)
      .min(1)
      .optional()
      .describe(
        "With `model`: what makes a frame fail or go to review; fail outranks review. Default: any detection makes it fail.",
      ),
    window: window
      .optional()
      .describe(
        "With `model`: the verdict is fail when k of the last n frames failed. Default: each frame by itself.",
      ),
    stages: z
      .array(stage)
      .min(1)
      .max(32)
      .optional()
      .describe("The long form: what happens to a frame, stage by stage; see pipelines.md."),
  })
  .superRefine(checkForm, { when: ({ value }) => isRecord(value) })
  .superRefine(checkOrder, { when: ({ value }) => isRecord(value) })
  .superRefine(checkScale, { when: ({ value }) => isRecord(value) });

/** Runs on pipelines with other problems too, so it takes nothing for granted; neither do the checks below. */
function checkForm(value: unknown, ctx: z.RefinementCtx): void {
  const has = (key: string) => child(value, key) !== undefined;
  const report = (key: string[], message: string, hint: string) =>
    ctx.addIssue({ code: "custom", path: key, message, params: { at: "key", hint } });
  if (!has("model") && !has("stages")) report([], "needs a model", "add model: NAME or stages: [..]");
  if (!has("stages")) return;
  for (const key of ["model", "rules", "window"].filter(has)) {
    report([key], "cannot be combined with stages", "make it one of the stages");
  }
}

const LOOKING = ["region", "rectify", "detect", "classify"];
const JUDGING_PARTS = ["rules", "measure", "window", "hysteresis"];
const CUSTOM = ["custom", "own"];
const DECIDING = ["rules", "measure", ...CUSTOM];

/** Stages that look at the picture come before those that judge, and one of them must decide. */
function checkOrder(value: unknown, ctx: z.RefinementCtx): void {
  const stages = child(value, "stages");
  if (!Array.isArray(stages) || stages.length === 0) return;
  const kinds = stages.map((each) => String(child(each, "stage")));
  const judging = kinds.findIndex((kind) => !LOOKING.includes(kind) && !CUSTOM.includes(kind));
  kinds.forEach((kind, i) => {
    if (judging < 0 || i < judging || !LOOKING.includes(kind)) return;
    const message = `${kind} looks at the picture, so it must come before ${kinds[judging]}`;
    ctx.addIssue({ code: "custom", path: ["stages", i, "stage"], message });
  });
  const track = kinds.lastIndexOf("track");
  const early = kinds.findIndex((kind, i) => JUDGING_PARTS.includes(kind) && i < track);
  if (early >= 0) {
    const message = `${kinds[early]} would judge frames instead of parts: it must come after track`;
    ctx.addIssue({ code: "custom", path: ["stages", early, "stage"], message });
  }
  if (kinds.some((kind) => DECIDING.includes(kind))) return;
  const params = { at: "key", hint: "add { stage: rules, rules: [..] }" };
  ctx.addIssue({ code: "custom", path: ["stages"], message: "no stage decides the verdict", params });
}

/** A rule may only name a zone that exists, and square millimetres need a scale. */
function checkScale(value: unknown, ctx: z.RefinementCtx): void {
  const zones = child(value, "zones");
  for (const { path, rule } of rulesIn(value)) {
    for (const key of ["inside", "outside"]) {
      const name = child(rule, key);
      if (typeof name !== "string" || (isRecord(zones) && Object.hasOwn(zones, name))) continue;
      const names = isRecord(zones) ? Object.keys(zones) : [];
      const params = { hint: `zones has: ${names.join(", ") || "nothing yet"}` };
      const message = `there is no ${JSON.stringify(name)} in zones`;
      ctx.addIssue({ code: "custom", path: [...path, key], message, params });
    }
    if (child(rule, "min_area_mm2") === undefined || child(value, "px_per_mm") !== undefined) continue;
    const params = { at: "key", hint: "add px_per_mm to the pipeline" };
    const message = "needs the scale of the image";
    ctx.addIssue({ code: "custom", path: [...path, "min_area_mm2"], message, params });
  }
}

function rulesIn(value: unknown): { path: PropertyKey[]; rule: unknown }[] {
  const at = (list: unknown, path: PropertyKey[]) =>
    Array.isArray(list) ? list.map((rule: unknown, i) => ({ path: [...path, i], rule })) : [];
  const stages = child(value, "stages");
  const inStages = (Array.isArray(stages) ? stages : []).flatMap((stage: unknown, i) =>
    at(child(stage, "rules"), ["stages", i, "rules"]),
  );
  return [...at(child(value, "rules"), ["rules"]), ...inStages];
}

type Pipeline = z.output<typeof pipeline>;

/** The stages of a pipeline, whether it is written in the long form or the short one. */
export function stagesOf({ model, rules, stages, window }: ReadonlyPipeline): readonly StageConfig[] {
  if (stages) return (stages as readonly StageConfig[]).map(withCurrentName);
  return [
    { stage: "detect", model: model ?? "" },
    { stage: "rules", rules: (rules as Pipeline["rules"]) ?? [{ verdict: "fail" }] },
    ...(window ? [{ stage: "window" as const, ...window }] : []),
  ];
}

/** A stage under its current name. */
const withCurrentName = (stage: StageConfig): StageConfig =>
  stage.stage === "own" ? { ...stage, stage: "custom" } : stage;

/** The names of the models that a pipeline runs, in the order of its stages. */
export const modelsOf = (given: ReadonlyPipeline): string[] =>
  stagesOf(given).flatMap((each) => ("model" in each ? [each.model] : []));

interface ReadonlyPipeline {
  readonly model?: string | undefined;
  readonly rules?: unknown;
  readonly window?: { readonly fails: number; readonly of: number } | undefined;
  readonly stages?: readonly unknown[] | undefined;
}
