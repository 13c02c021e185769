import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import { join, resolve } from "node:path";
import { openBundle } from "../../../models/bundle/bundle.ts";
import { readPrivateKey } from "../../../models/bundle/keys.ts";
import type { WrittenManifest } from "../../../models/bundle/manifest.ts";
import { Graph } from "../../../models/onnx/graph.ts";
import { install } from "../../../models/store/install.ts";
import { openSource } from "../../../models/store/open-source.ts";
import { systemClock } from "../../../runtime/base/clock.ts";
import { SightlineError } from "../../../runtime/base/errors.ts";
import { parseBytes } from "../../../runtime/base/units.ts";
import { openKernels } from "../../../runtime/native/index.ts";
import { openModel } from "../../../runtime/pipeline/open-model.ts";
import { CpuExecutionProvider } from "../../../runtime/session/cpu-provider.ts";
import { addVariant } from "../../../toolchain/pack/add-variant.ts";
import { createBundle, type ModelDescription } from "../../../toolchain/pack/create-bundle.ts";
import { packBundle } from "../../../toolchain/pack/pack.ts";
import { quantize } from "../../../toolchain/quantize/quantize.ts";
import { Progress } from "../../progress.ts";
import { type CommandContext, parseVerbArgs, requirePositionals, usageError, type Verb } from "../../verb.ts";
import { installedText } from "./install.ts";
import { summaryOf, variantOf } from "./quantize.ts";
import { QUANTIZE_OPTIONS, QUANTIZE_USAGE, quantizeJob } from "./quantize-job.ts";
import { INPUT_OPTIONS, INPUT_USAGE, readSourceModel, type SourceModel } from "./source-model.ts";
import { splitVariant } from "./split.ts";
import { STORE_OPTION, storeOf } from "./store-option.ts";
import { withProvider } from "./whole-model.ts";

const OPTIONS = {
  ...INPUT_OPTIONS,
  ...QUANTIZE_OPTIONS,
  ...STORE_OPTION,
  name: { type: "string" },
  "model-version": { type: "string", default: "1.0.0" },
  decoder: { type: "string" },
  classes: { type: "string" },
  budget: { type: "string" },
  sign: { type: "string" },
} as const;

/** Goes from an exported file to an installed model in one step; if quantization is refused, the model stays float. */
export const importModel: Verb = {
  name: "import",
  summary: "make a bundle for this machine from an ONNX file and install it",
  usage: [
    "model import FILE.onnx --name NAME --decoder TYPE|JSON --classes FILE [--model-version 1.0.0]",
    `    ${INPUT_USAGE}`,
    `    [--calibrate FOLDER ${QUANTIZE_USAGE}]`,
    "    [--config FILE --camera NAME --frames 200]  instead of --calibrate",
    "    [--budget 16MiB] [--sign NAME.key.pem] [--store DIR]",
  ].join("\n"),
  async run(args, context) {
    const { values, positionals } = parseVerbArgs(importModel, args, OPTIONS);
    const [file = ""] = requirePositionals(importModel, ["FILE.onnx"], positionals);
    const source = await readSourceModel(file, values, context);
    if (source.bundle)
      throw usageError(importModel, "this is a bundle already: install it with `sightline model install`");
    const description = await describe(source, values, context);
    if (values.budget && !parseBytes(values.budget))
      throw usageError(importModel, `--budget must be a size such as 16MiB, not "${values.budget}"`);
    const key = values.sign ? await readPrivateKey(resolve(context.cwd, values.sign)) : undefined;
    const folder = await mkdtemp(join(os.tmpdir(), "sightline-import-"));
    try {
      const folders = new WorkFolders(folder);
      await createBundle(description, source.model, folders.next());
      await addVariants(folders, values, context);
      const unpacked = folders.last;
      await packBundle(unpacked, { out: folders.next(), key });
      await installFrom(folders.last, values, context);
      return 0;
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};

type Values = ReturnType<typeof parse>["values"];
const parse = (args: string[]) => parseVerbArgs(importModel, args, OPTIONS);

/** Temporary folders: each step writes a new bundle, made from the one before. */
class WorkFolders {
  readonly #folder: string;
  #count = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get last(): string {
    return join(this.#folder, String(this.#count));
  }

  next(): string {
    this.#count++;
    return this.last;
  }
}

async function addVariants(folders: WorkFolders, values: Values, context: CommandContext): Promise<void> {
  await assertOpens(folders.last);
  if (values.calibrate || values.camera) await addQuantized(folders, values, context);
  if (values.budget) await splitVariants(folders, values.budget, context);
}

async function describe(
  { input, model }: SourceModel,
  values: Values,
  context: CommandContext,
): Promise<ModelDescription> {
  const { classes, decoder, name } = values;
  if (!name || !decoder || !classes)
    throw usageError(importModel, "--name, --decoder and --classes are required");
  const lines = (await text(resolve(context.cwd, classes))).split(/\r?\n/).map((line) => line.trim());
  return {
    ...{ name, version: values["model-version"], input: written(input) },
    decoder: decoderOf(decoder, new Graph(model).outputs),
    labels: lines.filter((line) => line !== ""),
  };
}

const written = ({
  mean,
  quantization: _,
  std,
  ...input
}: SourceModel["input"]): WrittenManifest["input"] => ({
  ...{ ...input, mean: [...mean], std: [...std] },
});

async function text(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw SightlineError.wrap("ERR_MODEL_MISSING", error, file);
  }
}

/** A decoder given by its type alone reads the model's first output. */
function decoderOf(given: string, [output = ""]: readonly string[]): WrittenManifest["decoder"] {
  if (!given.startsWith("{")) return { type: given, output } as WrittenManifest["decoder"];
  try {
    return JSON.parse(given);
  } catch (error) {
    throw SightlineError.wrap("ERR_USAGE", error, "--decoder");
  }
}

/** Checks labels and decoder against the model's outputs before the long steps begin. */
async function assertOpens(folder: string): Promise<void> {
  await withProvider(async (provider) => {
    const deps = { provider, kernels: openKernels(), clock: systemClock };
    await (await openModel(deps, { folder, runLimitMs: 60_000, inFlight: 1 })).close();
  });
}

async function addQuantized(folders: WorkFolders, values: Values, context: CommandContext): Promise<void> {
  const provider = new CpuExecutionProvider({ slots: os.availableParallelism(), intraOpThreads: 1 });
  provider.start();
  const progress = new Progress(context);
  try {
    const source = await readSourceModel(folders.last, values, context);
    const job = await quantizeJob(source, values, provider, context);
    const { model, report } = await quantize({ provider, onProgress: progress.show.bind(progress) }, job);
    progress.end();
    for (const line of summaryOf(report)) context.out(line);
    if (report.refused.length > 0) return context.out(`the model stays float: ${report.refused.join("; ")}`);
    const { last } = folders;
    await addVariant(last, variantOf(model, report), folders.next());
  } catch (error) {
    if (!(error instanceof SightlineError && error.code === "ERR_QUANTIZE_REFUSED")) throw error;
    context.out(`the model stays float: ${error.message}`);
  } finally {
    progress.end();
    await provider.close();
  }
}

async function splitVariants(folders: WorkFolders, budget: string, context: CommandContext): Promise<void> {
  const { manifest } = await openBundle(folders.last);
  for (const { name } of manifest.variants) {
    const { last } = folders;
    await splitVariant({ file: last, variant: name, budget, out: folders.next() }, context);
  }
}

async function installFrom(folder: string, values: Values, context: CommandContext): Promise<void> {
  const source = await openSource(folder);
  try {
    context.out(installedText(await install(storeOf(values, context), source)));
  } finally {
    await source.close();
  }
}
