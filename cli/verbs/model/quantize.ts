import { writeFile } from "node:fs/promises";
import os from "node:os";
import { resolve } from "node:path";
import { machineTargets, TARGETS, type Target } from "../../../models/bundle/targets.ts";
import type { ModelProto } from "../../../models/onnx/proto/onnx_pb.js";
import { encodeModel } from "../../../models/onnx/write-model.ts";
import { fileFeeds, pictureFiles } from "../../../models/quantize/calibrate/images.ts";
import type { RangeMethod } from "../../../models/quantize/calibrate/ranges.ts";
import { PRECISIONS, type QuantizeJob } from "../../../models/quantize/job.ts";
import { type Quantized, quantize as quantizeModel } from "../../../models/quantize/quantize.ts";
import { htmlReport } from "../../../models/quantize/report/html.ts";
import type { QuantizationReport } from "../../../models/quantize/report/report.ts";
import { readLabels } from "../../../models/quantize/score/labels.ts";
import { type Labelled, taskScore } from "../../../models/quantize/score/task-score.ts";
import { addVariant } from "../../../models/store/add-variant.ts";
import { cpuFeatures, type Kernels, openKernels } from "../../../runtime/arm-neon/index.ts";
import { SightlineError } from "../../../runtime/base/errors.ts";
import { formatBytes } from "../../../runtime/base/units.ts";
import { CpuExecutionProvider } from "../../../runtime/session/cpu-provider.ts";
import type { NamedTensors } from "../../../runtime/tensor/tensor.ts";
import { Progress } from "../../progress.ts";
import { exactly, type Io, parseVerbArgs, usageError, type Verb } from "../../verb.ts";
import { cameraPictures, folderPictures, holdOut, type Pictures } from "./pictures.ts";
import { INPUT_OPTIONS, INPUT_USAGE, oneOf, readSubject, type Subject } from "./subject.ts";

const OPTIONS = {
  ...INPUT_OPTIONS,
  calibrate: { type: "string" },
  config: { type: "string", short: "c" },
  camera: { type: "string" },
  frames: { type: "string", default: "200" },
  precision: { type: "string", default: "int8" },
  method: { type: "string", default: "auto" },
  percentile: { type: "string", default: "99.99" },
  target: { type: "string" },
  labels: { type: "string" },
  "max-drop": { type: "string", default: "1" },
  "min-sqnr": { type: "string", default: "15" },
  out: { type: "string", short: "o" },
  report: { type: "string" },
  force: { type: "boolean", default: false },
} as const;

const METHODS = ["auto", "minmax", "percentile", "entropy", "mse"] as const;
const HELD_OUT_MAX = 16;

type Values = ReturnType<typeof parse>["values"];
const parse = (args: string[]) => parseVerbArgs(quantize, args, OPTIONS);

/** Exit code 1 when the result was refused. */
export const quantize: Verb = {
  name: "quantize",
  summary: "make a smaller, quicker model of integers, and say how good it is",
  usage: [
    "model quantize MODEL|FILE.onnx --calibrate FOLDER -o OUT [--precision int8|int8-dynamic|int4|int2]",
    "    [--target T] [--method auto|minmax|percentile|entropy|mse]",
    "    [--percentile 99.99] [--labels FOLDER] [--max-drop 1] [--min-sqnr 15] [--report FILE] [--force]",
    "    [--config FILE --camera NAME --frames 200]  instead of --calibrate",
    `    for a bare file: ${INPUT_USAGE}`,
  ].join("\n"),
  async run(args, io) {
    const { values, positionals } = parse(args);
    const [file = ""] = exactly(quantize, ["MODEL"], positionals);
    if (!values.out) throw usageError(quantize, "-o is missing");
    const out = resolve(io.cwd, values.out);
    const subject = await readSubject(file, values, io);
    const provider = new CpuExecutionProvider({ slots: os.availableParallelism(), intraOpThreads: 1 });
    provider.start();
    const progress = new Progress(io);
    try {
      const onProgress = progress.show.bind(progress);
      const result = await quantizeModel({ provider, onProgress }, await job(subject, values, provider, io));
      progress.end();
      await writeReport(resolve(io.cwd, values.report ?? `${out}.report`), result.report);
      return await conclude(result, { subject, out, force: values.force }, io);
    } finally {
      progress.end();
      await provider.close();
    }
  },
};

async function job(
  subject: Subject,
  values: Values,
  provider: CpuExecutionProvider,
  io: Io,
): Promise<QuantizeJob> {
  const kernels = openKernels();
  const here = machineTargets(process.arch, cpuFeatures());
  const target: Target = values.target ? oneOf(values.target, TARGETS, "--target") : (here[0] ?? "any");
  const heldOut: NamedTensors[] = [];
  const { count, inputs } = await pictures(subject, values, kernels, io);
  return {
    name: subject.name,
    model: subject.model,
    precision: oneOf(values.precision, PRECISIONS, "--precision"),
    target,
    runsHere: here.includes(target),
    machine: `${os.cpus()[0]?.model.trim() ?? process.arch}, ONNX Runtime ${provider.runtimeVersion}`,
    calibration: { count, inputs: () => holdOut(inputs(), heldOut, HELD_OUT_MAX) },
    heldOut,
    method: methodOf(values),
    minSqnrDb: number(values["min-sqnr"], "--min-sqnr"),
    score: scoreOf(subject, values, { kernels, provider }, io),
  };
}

async function pictures({ input }: Subject, values: Values, kernels: Kernels, io: Io): Promise<Pictures> {
  const { calibrate, camera, config, frames } = values;
  if (calibrate) return folderPictures(kernels, input, resolve(io.cwd, calibrate));
  if (!camera || !config)
    throw usageError(quantize, "say --calibrate FOLDER, or --config FILE --camera NAME");
  return cameraPictures(kernels, input, { camera, config, frames: number(frames, "--frames") }, io);
}

function methodOf({ method, percentile }: Values): RangeMethod | undefined {
  const chosen = oneOf(method, METHODS, "--method");
  if (chosen === "auto") return undefined;
  return chosen === "percentile"
    ? { method: chosen, percentile: number(percentile, "--percentile") }
    : { method: chosen };
}

/** Scores on every picture that calibrates: labels say nothing about ranges. */
function scoreOf(
  { bundle, input }: Subject,
  values: Values,
  deps: { kernels: Kernels; provider: CpuExecutionProvider },
  io: Io,
): QuantizeJob["score"] {
  const { calibrate, labels: folder, "max-drop": maxDrop } = values;
  if (!folder) return undefined;
  if (!bundle || !calibrate)
    throw usageError(quantize, "--labels needs a bundle, which says what outputs mean, and --calibrate");
  async function* labelled(): AsyncGenerator<Labelled> {
    for (const file of await pictureFiles(resolve(io.cwd, calibrate ?? ""))) {
      const labels = await readLabels(resolve(io.cwd, folder ?? ""), file);
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
  throw usageError(quantize, `${option} is a number, not "${text}"`);
}

interface Place {
  subject: Subject;
  out: string;
  force: boolean;
}

async function conclude({ model, report }: Quantized, place: Place, io: Io): Promise<number> {
  for (const line of summary(report)) io.out(line);
  if (report.refused.length > 0 && !place.force)
    throw new SightlineError("ERR_QUANTIZE_REFUSED", report.refused.join("; "));
  const { bundle } = place.subject;
  if (bundle) await addVariant(bundle.folder, variantOf(model, report), place.out);
  else await writing(() => writeFile(place.out, encodeModel(model)));
  io.out(`Wrote ${place.out}`);
  return 0;
}

const variantOf = (
  model: ModelProto,
  { agreement, images, precision, score, settings, target }: QuantizationReport,
) => ({
  name: `${precision}-${target}`,
  targets: [target],
  stages: [model],
  report: {
    sqnr_db: round(agreement.sqnrDb),
    images: images.calibration,
    method: settings.method,
    ...(score && { score }),
  },
});

const round = (value: number): number => Math.round(value * 100) / 100;

function summary({ agreement, latency_ms, score, settings, size_bytes }: QuantizationReport): string[] {
  const { float, quantized } = size_bytes;
  const kept = (settings.float_layers as string[]).length;
  return [
    `size      ${formatBytes(float)} → ${formatBytes(quantized)} (${(quantized / float).toFixed(2)}×)`,
    latency_ms
      ? `time      ${latency_ms.float.toFixed(1)} → ${latency_ms.quantized.toFixed(1)} ms (${(latency_ms.quantized / latency_ms.float).toFixed(2)}×)`
      : "time      not measured: the target is another machine",
    `outputs   ${agreement.sqnrDb.toFixed(1)} dB SQNR`,
    ...(score ? [`score     ${score.metric} ${score.float.toFixed(4)} → ${score.quantized.toFixed(4)}`] : []),
    `settings  ${settings.method}, ${kept === 0 ? "no layer stays float" : `${kept} layers stay float`}`,
  ];
}

async function writeReport(path: string, report: QuantizationReport): Promise<void> {
  await writing(async () => {
    await writeFile(`${path}.json`, `${JSON.stringify(report, null, 2)}\n`);
    await writeFile(`${path}.html`, htmlReport(report));
  });
}

async function writing(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw SightlineError.wrap("ERR_MODEL_WRITE", error);
  }
}
