import * as z from "zod";
import { SightlineError } from "../../runtime/base/errors.ts";
import { explainIssue, pathText } from "../../runtime/base/explain-issue.ts";
import type { JsonSchema } from "../../runtime/base/json-schema.ts";
import { canonicalJson } from "./canonical-json.ts";
import { checkChain, variant } from "./manifest-variant.ts";
import { filePath, name, tensorName, version } from "./scalars.ts";

/** What a report may take: it travels with every model and its signature. */
const MAX_REPORT_BYTES = 8192;

const text = z.string().min(1).max(4096);
const iou = z.number().min(0).max(1);
const side = z.int().min(8).max(16_384);

/**
 * tensor = (pixel − mean) / std, pixel from 0 to 255; `mean` and `std` have one entry or one a channel. Integers
 * store round(tensor / scale) + zero_point.
 */
const input = z
  .strictObject({
    name: tensorName,
    dtype: z.enum(["float32", "uint8", "int8"]),
    layout: z.enum(["NCHW", "NHWC"]),
    width: side,
    height: side,
    color: z.enum(["gray", "rgb", "bgr"]),
    resize: z.enum(["letterbox", "stretch"]),
    pad_value: z.number().min(0).max(255).default(114),
    mean: z.array(z.number()).min(1).max(3).default([0]),
    std: z.array(z.number().positive()).min(1).max(3).default([255]),
    quantization: z
      .strictObject({ scale: z.number().positive(), zero_point: z.int().min(-128).max(255) })
      .optional(),
  })
  .superRefine(({ color, dtype, mean, quantization, std }, ctx) => {
    if ((dtype === "float32") !== (quantization === undefined)) {
      const message = dtype === "float32" ? "is only for uint8 or int8" : `is needed for ${dtype}`;
      ctx.addIssue({ code: "custom", path: ["quantization"], message });
    }
    const channels = color === "gray" ? 1 : 3;
    for (const [key, list] of Object.entries({ mean, std })) {
      if (list.length === 1 || list.length === channels) continue;
      const message = `must have one entry${channels === 1 ? "" : ` or ${channels}`} for color "${color}"`;
      ctx.addIssue({ code: "custom", path: [key], message });
    }
  });

/** How outputs become findings, told apart by `type`; docs/models.md says what each expects. */
const decoder = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("heatmap"),
    heatmap: tensorName,
    boxes: tensorName,
    stride: z.int().min(1).max(64),
    nms_iou: iou.default(0.4),
  }),
  z.strictObject({ type: z.literal("yolov5"), output: tensorName, nms_iou: iou.default(0.45) }),
  z.strictObject({ type: z.literal("yolov8"), output: tensorName, nms_iou: iou.default(0.45) }),
  z.strictObject({ type: z.literal("end2end"), output: tensorName }),
  z.strictObject({
    type: z.literal("classifier"),
    output: tensorName,
    activation: z.enum(["none", "softmax"]).default("none"),
  }),
  z.strictObject({ type: z.literal("fastestdet"), output: tensorName, nms_iou: iou.default(0.45) }),
  z.strictObject({
    type: z.literal("yolov8-seg"),
    output: tensorName,
    masks: tensorName,
    nms_iou: iou.default(0.45),
  }),
  z.strictObject({
    type: z.literal("yolov8-pose"),
    output: tensorName,
    keypoints: z.int().min(1).max(1000),
    nms_iou: iou.default(0.45),
  }),
  z.strictObject({
    type: z.literal("segmentation"),
    output: tensorName,
    background: z.int().min(0).max(1000).default(0),
    activation: z.enum(["none", "softmax"]).default("softmax"),
  }),
  z.strictObject({
    type: z.literal("anomaly"),
    output: tensorName,
    threshold: z.number().default(0.5),
    max: z.number().positive().default(1),
  }),
  z.strictObject({
    type: z.literal("embedding"),
    output: tensorName,
    prototypes: z.array(z.array(z.number()).min(1).max(8192)).min(1).max(1000),
  }),
]);

/** How the model came about and what it scored: any JSON, for people and tools; nothing at run time reads it. */
const report = z
  .record(z.string(), z.unknown())
  .refine(fitsReport, { message: `must be plain JSON of at most ${MAX_REPORT_BYTES} bytes` });

const manifestSchema = z
  .strictObject({
    schema: z.literal("sightline.model/1"),
    name,
    version,
    description: text.optional(),
    license: text.optional(),
    /** After this it is not installed any more; what is installed goes on. */
    expires: z.iso.datetime().meta({ "x-noun": 'a time in UTC such as "2030-01-31T00:00:00Z"' }).optional(),
    /** The oldest Sightline that can run it. */
    min_runtime: version.optional(),
    report: report.optional(),
    input,
    decoder,
    labels: z.union([filePath, z.array(text).min(1)]),
    variants: z.array(variant).min(1),
  })
  .superRefine(({ input, variants }, ctx) => checkChain(variants, input.name, ctx));

export type Manifest = z.output<typeof manifestSchema>;
/** As it stands in the file, defaults not filled in. */
export type WrittenManifest = z.input<typeof manifestSchema>;
export type Decoder = Manifest["decoder"];
export type Variant = Manifest["variants"][number];
export type Stage = Variant["stages"][number];

const jsonSchema = z.toJSONSchema(manifestSchema, { io: "input" }) as JsonSchema;

/** Checks a manifest's text; `file` names it in messages. Errors: ERR_MODEL_MANIFEST with a line a problem. */
export function parseManifest(json: string, file: string): Manifest {
  const written = parseJson(json, file);
  const result = manifestSchema.safeParse(written);
  if (result.success) return result.data;
  const problems = result.error.issues
    .flatMap((issue) => explainIssue(jsonSchema, issue, written))
    .map(
      ({ path, message, hint }) =>
        `${pathText(path) || "the manifest"}: ${message}${hint ? `, ${hint}` : ""}`,
    );
  throw new SightlineError("ERR_MODEL_MANIFEST", problems.map((problem) => `${file}: ${problem}`).join("\n"));
}

function fitsReport(value: unknown): boolean {
  try {
    return Buffer.byteLength(canonicalJson(value)) <= MAX_REPORT_BYTES;
  } catch {
    return false;
  }
}

function parseJson(json: string, file: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw SightlineError.wrap("ERR_MODEL_MANIFEST", error, file);
  }
}
