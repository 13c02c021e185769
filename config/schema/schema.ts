import * as z from "zod";
import { closest } from "../../runtime/base/closest.ts";
import { child, isRecord, type Path, valueAt } from "../../runtime/base/json-schema.ts";
import { camera } from "./cameras.ts";
import { evidence } from "./evidence.ts";
import { http } from "./http.ts";
import { model } from "./models.ts";
import { mqtt } from "./mqtt.ts";
import { pipeline } from "./pipelines.ts";
import { duration, id, path, size } from "./scalars.ts";
import { shedding } from "./shedding.ts";

const device = z.strictObject({
  id: id.describe("Name of this device. It is part of every topic, so it must be unique at the broker."),
});

const memory = z
  .union([z.literal("auto"), size({ min: "1MiB", max: "1024GiB", example: "256MiB" })])
  .default("auto");

const engine = z.strictObject({
  slots: z
    .union([z.literal("auto"), z.int().min(1).max(64)])
    .default("auto")
    .describe("How many runs may execute at the same time; `auto`: one per core."),
  threads_per_slot: z.int().min(1).max(64).default(1).describe("Threads of each run."),
  library: path
    .optional()
    .describe("Path of another libonnxruntime.so. Default: the one that comes with Sightline."),
  kernels: z
    .enum(["auto", "generic"])
    .default("auto")
    .describe(
      "`auto` chooses the fastest native kernels for this CPU; `generic` the portable ones, for comparison.",
    ),
  run_limit: duration({ min: "1ms", max: "10m", example: "2s" })
    .prefault("2s")
    .describe("Time limit of a run; one that takes longer is cancelled."),
  model_budget: memory.describe(
    "Memory for the weights and sessions of all models; `auto`: half of the memory of this machine, or of its service's limit.",
  ),
  activation_budget: memory.describe(
    "Memory for the activations of all runs that may execute at the same time; `auto`: a quarter of the same memory.",
  ),
});

const store = z.strictObject({
  path: path
    .default("./data")
    .describe("Folder for results that wait for the broker, created at the first start."),
  max_size: size({ min: "1MiB", max: "1024GiB", example: "256MiB" })
    .prefault("256MiB")
    .describe(
      "Limit on the stored results; above it the oldest are dropped, first passes, then reviews and fails.",
    ),
  commit_delay: duration({ min: "1ms", max: "10s", example: "50ms" })
    .prefault("50ms")
    .describe("How long a result may wait so that several are written in one commit."),
  commit_rows: z
    .int()
    .min(1)
    .max(10_000)
    .default(20)
    .describe("How many waiting results are written at once, without further delay."),
});

const health = z.strictObject({
  interval: duration({ min: "1s", max: "1d", example: "30s" })
    .prefault("30s")
    .describe("Time between two health messages."),
});

const log = z.strictObject({
  level: z.enum(["debug", "info", "warn", "error"]).default("info").describe("Lowest level that is logged."),
});

/** The whole file: the one source of types, defaults, documentation and JSON Schema. */
export const schema = z
  .strictObject({
    version: z.literal(1).describe("Version of this file's format."),
    device: device.describe("The identity of this device."),
    mqtt: mqtt.prefault({}).describe("The MQTT broker that receives the verdicts."),
    engine: engine.prefault({}).describe("How models run."),
    models: z.record(id, model).describe("Models, each under a name of your choice."),
    cameras: z.record(id, camera).describe("Cameras, each under a name of your choice."),
    stages_folder: path
      .optional()
      .describe("Folder with custom stages, one TypeScript or JavaScript file each; see pipelines.md."),
    pipelines: z
      .record(id, pipeline)
      .describe(
        "Which models inspect the frames of which camera, and how verdicts follow from what they find.",
      ),
    store: store.prefault({}).describe("Where results wait until the broker has acknowledged them."),
    evidence: evidence
      .optional()
      .describe("Pictures of inspected frames that are kept. Default: no pictures are kept."),
    http: http
      .optional()
      .describe(
        "The HTTP server, which accepts frames and serves verdicts, health and pictures. Default: no server.",
      ),
    health: health.prefault({}).describe("How often the device reports on itself."),
    shedding: shedding
      .optional()
      .describe(
        "Steps that reduce the load while the processor is hot. Default: none; the processor then throttles itself.",
      ),
    log: log.prefault({}).describe("The log on standard output."),
  })
  .superRefine(checkReferences, { when: ({ value }) => isRecord(value) })
  .superRefine(checkShedding, { when: ({ value }) => isRecord(value) })
  .superRefine(checkFolder, { when: ({ value }) => isRecord(value) })
  .meta({ title: "Sightline configuration", description: "One device: its cameras, models and pipelines." });

/** Runs on files with other problems too, so it takes nothing below `value` for granted. */
function checkReferences(value: unknown, ctx: z.RefinementCtx): void {
  // A section with a name that is not allowed will be renamed: too early to say what is missing there.
  const unsettled = new Set(
    ctx.issues.filter(({ code }) => code === "invalid_key").map(({ path }) => path?.[0]),
  );
  checkHttpCameras(value, ctx);
  for (const { path, section } of references(value)) {
    const present = child(value, section);
    const wanted = id.safeParse(valueAt(value, path));
    if (!isRecord(present) || unsettled.has(section)) continue;
    if (!wanted.success || Object.hasOwn(present, wanted.data)) continue;
    ctx.addIssue({ code: "custom", path: [...path], ...unknownName(wanted.data, section, present) });
  }
}

/** A camera that waits for posted frames needs a server to post them to. */
function checkHttpCameras(value: unknown, ctx: z.RefinementCtx): void {
  const cameras = child(value, "cameras");
  if (child(value, "http") !== undefined || !isRecord(cameras)) return;
  for (const [name, camera] of Object.entries(cameras)) {
    if (child(camera, "source") !== "http") continue;
    const params = { hint: "add for example http: {listen: 127.0.0.1:8080}" };
    const message = "needs the section http";
    ctx.addIssue({ code: "custom", path: ["cameras", name, "source"], message, params });
  }
}

/** Between the two temperatures nothing changes; if they were equal, one degree would take steps and undo them. */
function checkShedding(value: unknown, ctx: z.RefinementCtx): void {
  const shedding = child(value, "shedding");
  const [cool, hot] = [child(shedding, "cool") ?? 72, child(shedding, "hot") ?? 80];
  if (typeof cool !== "number" || typeof hot !== "number" || cool < hot) return;
  const params = { hint: "set it a few degrees lower, so that steps do not alternate" };
  ctx.addIssue({ code: "custom", path: ["shedding", "cool"], message: "must be below hot", params });
}

function checkFolder(value: unknown, ctx: z.RefinementCtx): void {
  if (child(value, "stages_folder") !== undefined) return;
  for (const { kind, path } of stagesIn(value)) {
    if (kind !== "custom" && kind !== "own") continue;
    const params = { hint: "add stages_folder: FOLDER at the top level" };
    ctx.addIssue({ code: "custom", path: [...path, "name"], message: "needs stages_folder", params });
  }
}

/** Where pipelines and shedding steps name a camera or a model. */
function references(value: unknown): { path: Path; section: "cameras" | "models" }[] {
  const pipelines = child(value, "pipelines");
  const inPipelines = Object.keys(isRecord(pipelines) ? pipelines : {}).flatMap((name) => [
    { path: ["pipelines", name, "camera"], section: "cameras" as const },
    { path: ["pipelines", name, "model"], section: "models" as const },
  ]);
  const inStages = stagesIn(value).map(({ path }) => ({
    path: [...path, "model"],
    section: "models" as const,
  }));
  const steps = child(child(value, "shedding"), "steps");
  const inSteps = (Array.isArray(steps) ? steps : []).flatMap((step: unknown, i) =>
    child(step, "model") === undefined
      ? []
      : [{ path: ["shedding", "steps", i, "model"], section: "models" as const }],
  );
  return [...inPipelines, ...inStages, ...inSteps];
}

function stagesIn(value: unknown): { path: Path; kind: unknown }[] {
  const pipelines = child(value, "pipelines");
  return Object.entries(isRecord(pipelines) ? pipelines : {}).flatMap(([name, pipeline]) => {
    const stages = child(pipeline, "stages");
    return (Array.isArray(stages) ? stages : []).map((stage: unknown, i) => ({
      path: ["pipelines", name, "stages", i],
      kind: child(stage, "stage"),
    }));
  });
}

function unknownName(wanted: string, section: string, present: Record<string, unknown>) {
  const names = Object.keys(present);
  const meant = closest(wanted, names);
  const hint = meant ? `did you mean "${meant}"?` : `${section} has: ${names.join(", ") || "nothing yet"}`;
  return { message: `there is no ${JSON.stringify(wanted)} in ${section}`, params: { hint } };
}

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** A parsed file: defaults filled in, durations in milliseconds, sizes in bytes. */
export type Config = DeepReadonly<z.output<typeof schema>>;

/** The file that says what `config` says, with every default written out; `parse` of it gives `config` again. */
export const toFileForm = (config: Config): unknown => z.encode(schema, config as z.output<typeof schema>);
