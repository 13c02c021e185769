import { z } from "zod";
import { child, isRecord } from "../../runtime/base/json-schema.ts";
import { duration, id, positiveNumber } from "./scalars.ts";
import { point, rule, type StageConfig, score, stage, window } from "./stages.ts";

const zone = z.strictObject({
  points: z.array(point).min(3).max(100).describe("Its corners in order, in pixels of the camera's image."),
  overlap: score
    .optional()
    .describe("Share of a box that must lie in it. Left out: the box's centre counts."),
});

export const pipeline = z
  .strictObject({
    camera: id.describe("Name of a camera in `cameras`."),
    model: id.optional().describe("Name of a model in `models`. Either this or `stages`."),
    min_score: score.default(0.3).describe("The lowest score at which a detection counts at all."),
    deadline: duration({ min: "1ms", max: "10m", example: "500ms" })
      .optional()
      .describe("Time from capture after which a verdict is no longer useful. Left out: none."),
    px_per_mm: positiveNumber
      .optional()
      .describe("Pixels of the camera's image in a millimetre of the part. Left out: unknown."),
    zones: z.record(id, zone).default({}).describe("Parts of the camera's image that rules speak of."),
    rules: z
      .array(rule)
      .min(1)
      .optional()
      .describe(
        "With `model`: what makes a frame fail or go to review; fail outranks review. Left out: any detection fails.",
      ),
    window: window
      .optional()
      .describe(
        "With `model`: also judge the last n frames together; k failed ones make the window fail. Left out: no window.",
      ),
    stages: z
      .array(stage)
      .min(1)
      .max(32)
      .optional()
      .describe("The long form: what is done with a frame, step by step; see pipelines.md."),
  })
  .superRefine(checkForm, { when: ({ value }) => isRecord(value) })
  .superRefine(checkOrder, { when: ({ value }) => isRecord(value) })
  .superRefine(checkScale, { when: ({ value }) => isRecord(value) });

/** Runs on pipelines with other problems too, so it takes nothing for granted; so do the others. */
function checkForm(value: unknown, ctx: z.RefinementCtx): void {
  const has = (key: string) => child(value, key) !== undefined;
  const report = (key: string[], message: string, hint: string) =>
    ctx.addIssue({ code: "custom", path: key, message, params: { at: "key", hint } });
  if (!has("model") && !has("stages")) report([], "needs a model", "add model: NAME or stages: [..]");
  if (!has("stages")) return;
  for (const key of ["model", "rules", "window"].filter(has)) {
    report([key], "cannot stand next to stages", "make it one of the stages");
  }
}

const LOOKING = ["region", "rectify", "detect", "classify"];
const JUDGING_PARTS = ["rules", "measure", "window", "hysteresis"];
const CUSTOM = ["custom", "own"];
const DECIDING = ["rules", "measure", ...CUSTOM];

/** What looks at the picture comes before what judges, and something must decide. */
function checkOrder(value: unknown, ctx: z.RefinementCtx): void {
  const stages = child(value, "stages");
  if (!Array.isArray(stages) || stages.length === 0) return;
  const kinds = stages.map((each) => String(child(each, "stage")));
  const judging = kinds.findIndex((kind) => !LOOKING.includes(kind) && !CUSTOM.includes(kind));
  kinds.forEach((kind, i) => {
    if (judging < 0 || i < judging || !LOOKING.includes(kind)) return;
    const message = `${kind} looks at the picture, so it must stand before ${kinds[judging]}`;
    ctx.addIssue({ code: "custom", path: ["stages", i, "stage"], message });
  });
  const track = kinds.lastIndexOf("track");
  const early = kinds.findIndex((kind, i) => JUDGING_PARTS.includes(kind) && i < track);
  if (early >= 0) {
    const message = `${kinds[early]} would judge frames, not parts: it must stand behind track`;
    ctx.addIssue({ code: "custom", path: ["stages", early, "stage"], message });
  }
  if (kinds.some((kind) => DECIDING.includes(kind))) return;
  const params = { at: "key", hint: "add { stage: rules, rules: [..] }" };
  ctx.addIssue({ code: "custom", path: ["stages"], message: "nothing here decides", params });
}

/** Zones and square millimetres that rules speak of must be known. */
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
    const message = "needs to know how large a pixel is";
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

/** The stages of a pipeline, also where it is written in the short form. */
export function stagesOf({ model, rules, stages, window }: ReadonlyPipeline): readonly StageConfig[] {
  if (stages) return (stages as readonly StageConfig[]).map(withPresentName);
  return [
    { stage: "detect", model: model ?? "" },
    { stage: "rules", rules: (rules as Pipeline["rules"]) ?? [{ verdict: "fail" }] },
    ...(window ? [{ stage: "window" as const, ...window }] : []),
  ];
}

/** A stage by the name that it has now. */
const withPresentName = (stage: StageConfig): StageConfig =>
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
