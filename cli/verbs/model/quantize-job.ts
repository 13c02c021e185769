import os from "node:os";
import { resolve } from "node:path";
import { machineTargets, TARGETS, type Target } from "../../../models/bundle/targets.ts";
import { SightlineError } from "../../../runtime/base/errors.ts";
import { cpuFeatures, type Kernels, openKernels } from "../../../runtime/native/index.ts";
import type { CpuExecutionProvider } from "../../../runtime/session/cpu-provider.ts";
import type { NamedTensors } from "../../../runtime/tensor/tensor.ts";
import { fileFeeds, pictureFiles } from "../../../toolchain/quantize/calibrate/images.ts";
import type { RangeMethod } from "../../../toolchain/quantize/calibrate/ranges.ts";
import type { Precision, QuantizeJob } from "../../../toolchain/quantize/job.ts";
import { readLabels } from "../../../toolchain/quantize/score/labels.ts";
import { type Labelled, taskScore } from "../../../toolchain/quantize/score/task-score.ts";
import type { CommandContext, parseVerbArgs } from "../../verb.ts";
import { cameraPictures, folderPictures, holdOut, type Pictures } from "./pictures.ts";
import { oneOf, type SourceModel } from "./source-model.ts";

/** Options of every command that quantizes. */
export const QUANTIZE_OPTIONS = {
  calibrate: { type: "string" },
  config: { type: "string", short: "c" },
  camera: { type: "string" },
  frames: { type: "string", default: "200" },
  weights: { type: "string", default: "8" },
  dynamic: { type: "boolean", default: false },
  method: { type: "string", default: "auto" },
  percentile: { type: "string", default: "99.99" },
  target: { type: "string" },
  labels: { type: "string" },
  "max-drop": { type: "string", default: "1" },
  "min-sqnr": { type: "string", default: "20" },
} as const;

export const QUANTIZE_USAGE = [
  "[--weights 8|4|2] [--dynamic] [--target T]",
  "[--method auto|minmax|percentile|entropy|mse] [--percentile 99.99]",
  "[--labels FOLDER] [--max-drop 1] [--min-sqnr 20]",
].join("\n    ");

type Values = ReturnType<typeof parseVerbArgs<typeof QUANTIZE_OPTIONS>>["values"];

export const METHODS = ["minmax", "percentile", "entropy", "mse"] as const;
const HELD_OUT_MAX = 16;

/** The job that the options describe. Errors: ERR_USAGE, ERR_CONFIG_*, ERR_IMAGE_READ. */
export async function quantizeJob(
  source: SourceModel,
  values: Values,
  provider: CpuExecutionProvider,
  context: CommandContext,
): Promise<QuantizeJob> {
  const kernels = openKernels();
  const here = machineTargets(process.arch, cpuFeatures());
  const target: Target = values.target ? oneOf(values.target, TARGETS, "--target") : (here[0] ?? "any");
  const heldOut: NamedTensors[] = [];
  const { count, inputs } = await pictures(source, values, kernels, context);
  return {
    name: source.name,
    model: source.model,
    precision: precisionOf(values),
    target,
    runsHere: here.includes(target),
    machine: `${os.cpus()[0]?.model.trim() ?? process.arch}, ONNX Runtime ${provider.runtimeVersion}`,
    calibration: { count, inputs: () => holdOut(inputs(), heldOut, HELD_OUT_MAX) },
    heldOut,
    method: methodOf(values),
    minSqnrDb: number(values["min-sqnr"], "--min-sqnr"),
    score: scoreOf(source, values, { kernels, provider }, context),
  };
}

async function pictures(
  { input }: SourceModel,
  values: Values,
  kernels: Kernels,
  context: CommandContext,
): Promise<Pictures> {
  const { calibrate, camera, config, frames } = values;
  if (calibrate) return folderPictures(kernels, input, resolve(context.cwd, calibrate));
  if (!camera || !config) throw usage("--calibrate FOLDER, or --config FILE --camera NAME, is required");
  if (!/^[1-9]\d{0,5}$/.test(frames))
    throw usage(`--frames must be a whole number of at least 1, not "${frames}"`);
  return cameraPictures(kernels, input, { camera, config, frames: Number(frames) }, context);
}

function precisionOf({ dynamic, weights }: Values): Precision {
  const bits = oneOf(weights, ["8", "4", "2"] as const, "--weights");
  if (dynamic && bits !== "8") throw usage("--dynamic cannot be combined with --weights 4 or 2");
  if (bits !== "8") return bits === "4" ? "int4" : "int2";
  return dynamic ? "int8-dynamic" : "int8";
}

function methodOf({ method, percentile }: Values): RangeMethod | undefined {
  const chosen = oneOf(method, ["auto", ...METHODS], "--method");
  if (chosen === "auto") return undefined;
  return chosen === "percentile"
    ? { method: chosen, percentile: percentileOf(percentile) }
    : { method: chosen };
}

export function percentileOf(text: string): number {
  const value = number(text, "--percentile");
  if (value >= 50 && value <= 100) return value;
  throw usage(`--percentile must be from 50 to 100, not "${text}"`);
}

/** Scores on all pictures, those for calibration too: labels have no influence on the ranges. */
function scoreOf(
  { bundle, input }: SourceModel,
  values: Values,
  deps: { kernels: Kernels; provider: CpuExecutionProvider },
  context: CommandContext,
): QuantizeJob["score"] {
  const { calibrate, labels: folder, "max-drop": maxDrop } = values;
  if (!folder) return undefined;
  if (!bundle || !calibrate)
    throw usage("--labels requires --calibrate and a bundle, which describes the model's outputs");
  async function* labelled(): AsyncGenerator<Labelled> {
    for (const file of await pictureFiles(resolve(context.cwd, calibrate ?? ""))) {
      const labels = await readLabels(resolve(context.cwd, folder ?? ""), file);
      yield { ...(await fileFeeds(deps.kernels, input, file)), labels };
    }
  }
  const { labels, manifest } = bundle;
  return {
    of: (model) => taskScore({ ...deps, manifest, labels }, model, labelled()),
    maxDrop: number(maxDrop, "--max-drop") / 100,
  };
}

function number(text: string, option: string): number {
  const value = Number(text.trim() || Number.NaN);
  if (Number.isFinite(value) && value >= 0) return value;
  throw usage(`${option} must be a number, not "${text}"`);
}

const usage = (message: string): SightlineError => new SightlineError("ERR_USAGE", message);
