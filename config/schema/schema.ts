import { z } from "zod";
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
  id: id.describe("Name of this device; a part of every topic, so unique at its broker."),
});

const memory = z
  .union([z.literal("auto"), size({ min: "1MiB", max: "1024GiB", example: "256MiB" })])
  .default("auto");

const engine = z.strictObject({
  slots: z
    .union([z.literal("auto"), z.int().min(1).max(64)])
    .default("auto")
    .describe("How many runs the engine has under way at a time; `auto` takes one for each core."),
  threads_per_slot: z.int().min(1).max(64).default(1).describe("Threads of one run."),
  library: path
    .optional()
    .describe("A libonnxruntime.so of your own. Left out: the one that Sightline brings."),
  kernels: z
    .enum(["auto", "generic"])
    .default("auto")
    .describe("`auto` takes the best native kernels for this CPU; `generic` the plain ones, to compare."),
  run_limit: duration({ min: "1ms", max: "10m", example: "2s" })
    .prefault("2s")
    .describe("A run that takes longer is cancelled."),
  model_budget: memory.describe(
    "Memory for weights and sessions of all models; `auto` takes half of this machine's, or of what its service may have.",
  ),
  activation_budget: memory.describe(
    "Memory for tensors between layers, of all runs that may be under way at once; `auto` takes a quarter likewise.",
  ),
});

const store = z.strictObject({
  path: path
    .default("./data")
    .describe("Folder for results that wait for the broker; created at the first start."),
  max_size: size({ min: "1MiB", max: "1024GiB", example: "256MiB" })
    .prefault("256MiB")
    .describe("At this size the oldest results go, pass before review before fail."),
  commit_delay: duration({ min: "1ms", max: "10s", example: "50ms" })
    .prefault("50ms")
    .describe("The longest that a result waits so that others can be written with it."),
  commit_rows: z
    .int()
    .min(1)
    .max(10_000)
    .default(20)
    .describe("When this many results wait, they are written without waiting longer."),
});

const health = z.strictObject({
  interval: duration({ min: "1s", max: "1d", example: "30s" })
    .prefault("30s")
    .describe("Time between two health messages."),
});

const log = z.strictObject({
  level: z
    .enum(["debug", "info", "warn", "error"])
    .default("info")
    .describe("The lowest level that is written."),
});

/** The whole file: the one source of types, defaults, documentation and JSON Schema. */
export const schema = z
  .strictObject({
    version: z.literal(1).describe("Version of this file's layout."),
    device: device.describe("Who this device is."),
    mqtt: mqtt.prefault({}).describe("Where verdicts go."),
    engine: engine.prefault({}).describe("How models run."),
    models: z.record(id, model).describe("Models by a name of your choice."),
    cameras: z.record(id, camera).describe("Cameras by a name of your choice."),
    stages_folder: path
      .optional()
      .describe("Folder with stages of your own, a TypeScript or JavaScript file each; see pipelines.md."),
    pipelines: z
      .record(id, pipeline)
      .describe("Which model looks at which camera, and what its findings mean."),
    store: store.prefault({}).describe("Where results wait until the broker has them."),
    evidence: evidence.optional().describe("Pictures that are kept of what was judged. Left out: none."),
    http: http.optional().describe("The HTTP server: frames in, verdicts, health and pictures out."),
    health: health.prefault({}).describe("How often the device reports on itself."),
    shedding: shedding
      .optional()
      .describe(
        "What is done to produce less heat while the processor is hot. Left out: nothing, and the processor slows itself down.",
      ),
    log: log.prefault({}).describe("What is written to the log."),
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

/** Between the two nothing changes: the same degree would do both. */
function checkShedding(value: unknown, ctx: z.RefinementCtx): void {
  const shedding = child(value, "shedding");
  const [cool, hot] = [child(shedding, "cool") ?? 72, child(shedding, "hot") ?? 80];
  if (typeof cool !== "number" || typeof hot !== "number" || cool < hot) return;
  const params = { hint: "some degrees below hot, so that steps are not taken and taken back all the time" };
  ctx.addIssue({ code: "custom", path: ["shedding", "cool"], message: "is not below hot", params });
}

function checkFolder(value: unknown, ctx: z.RefinementCtx): void {
  if (child(value, "stages_folder") !== undefined) return;
  for (const { kind, path } of stagesIn(value)) {
    if (kind !== "custom" && kind !== "own") continue;
    const params = { hint: "add stages_folder: FOLDER at the top level" };
    ctx.addIssue({ code: "custom", path: [...path, "name"], message: "needs stages_folder", params });
  }
}

/** Where pipelines name a camera or a model. */
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

/** What the schema makes of a file: defaults filled in, durations in milliseconds, sizes in bytes. */
export type Config = DeepReadonly<z.output<typeof schema>>;

/** The file that says what `config` says, with every default written out; `parse` of it gives `config` again. */
export const toFileForm = (config: Config): unknown => z.encode(schema, config as z.output<typeof schema>);
