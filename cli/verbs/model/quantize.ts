import { hash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import os from "node:os";
import { resolve } from "node:path";
import type { ModelProto } from "../../../models/onnx/proto/onnx_pb.js";
import { encodeModel } from "../../../models/onnx/write-model.ts";
import { SightlineError } from "../../../runtime/base/errors.ts";
import { formatBytes } from "../../../runtime/base/units.ts";
import { CpuExecutionProvider } from "../../../runtime/session/cpu-provider.ts";
import { addVariant } from "../../../toolchain/pack/add-variant.ts";
import { refuseExisting, writeOut } from "../../../toolchain/pack/write-out.ts";
import { calibrationText } from "../../../toolchain/quantize/calibrate/calibration-file.ts";
import { type Quantized, quantize as quantizeModel } from "../../../toolchain/quantize/quantize.ts";
import { htmlReport } from "../../../toolchain/report/html.ts";
import type { QuantizationReport } from "../../../toolchain/report/report.ts";
import { Progress } from "../../progress.ts";
import { type CommandContext, parseVerbArgs, requirePositionals, usageError, type Verb } from "../../verb.ts";
import { QUANTIZE_OPTIONS, QUANTIZE_USAGE, quantizeJob } from "./quantize-job.ts";
import { INPUT_OPTIONS, INPUT_USAGE, readSourceModel, type SourceModel } from "./source-model.ts";

const OPTIONS = {
  ...INPUT_OPTIONS,
  ...QUANTIZE_OPTIONS,
  out: { type: "string", short: "o" },
  report: { type: "string" },
  "save-calibration": { type: "string" },
  force: { type: "boolean", default: false },
} as const;

/** Exit code 1 if the result is refused. */
export const quantize: Verb = {
  name: "quantize",
  summary: "quantize a model and measure its size, speed and accuracy",
  usage: [
    "model quantize MODEL|FILE.onnx --calibrate FOLDER [-o OUT] [--report FILE] [--force]",
    "    [--save-calibration FILE]  histograms of the tensors, for `model table`",
    `    ${QUANTIZE_USAGE}`,
    "    [--config FILE --camera NAME --frames 200]  instead of --calibrate",
    `    for an ONNX file without a bundle: ${INPUT_USAGE}`,
  ].join("\n"),
  async run(args, context) {
    const { values, positionals } = parseVerbArgs(quantize, args, OPTIONS);
    const [file = ""] = requirePositionals(quantize, ["MODEL"], positionals);
    if (values["save-calibration"] && (values.dynamic || values.weights !== "8"))
      throw usageError(quantize, "--save-calibration requires static int8, without --dynamic or --weights");
    const source = await readSourceModel(file, values, context);
    const out = resolve(context.cwd, values.out ?? `${source.name}-quantized${source.bundle ? "" : ".onnx"}`);
    await refuseExisting(out);
    const provider = new CpuExecutionProvider({ slots: os.availableParallelism(), intraOpThreads: 1 });
    provider.start();
    const progress = new Progress(context);
    try {
      const onProgress = progress.show.bind(progress);
      const result = await quantizeModel(
        { provider, onProgress },
        await quantizeJob(source, values, provider, context),
      );
      progress.end();
      await writeReport(resolve(context.cwd, values.report ?? `${out}.report`), result.report);
      await saveCalibration(source, result, values["save-calibration"], context);
      return await conclude(result, { source, out, force: values.force }, context);
    } finally {
      progress.end();
      await provider.close();
    }
  },
};

interface Output {
  source: SourceModel;
  out: string;
  force: boolean;
}

async function conclude(
  { model, report }: Quantized,
  output: Output,
  context: CommandContext,
): Promise<number> {
  for (const line of summaryOf(report)) context.out(line);
  if (report.refused.length > 0 && !output.force)
    throw new SightlineError("ERR_QUANTIZE_REFUSED", report.refused.join("; "));
  const { bundle } = output.source;
  if (bundle) await addVariant(bundle.folder, variantOf(model, report), output.out);
  else await writeOut(output.out, (temporary) => writeFile(temporary, encodeModel(model)));
  context.out(`Wrote ${output.out}`);
  return 0;
}

export const variantOf = (
  model: ModelProto,
  { agreement, images, precision, score, settings, target }: QuantizationReport,
) => ({
  name: `${precision}-${target}`,
  targets: [target],
  stages: [model],
  report: {
    sqnr_db: round(agreement.sqnr_db),
    images: images.calibration,
    method: settings.method,
    ...(score && { score }),
  },
});

const round = (value: number): number => Math.round(value * 100) / 100;

export function summaryOf({
  agreement,
  latency_ms,
  score,
  settings,
  size_bytes,
}: QuantizationReport): string[] {
  const { float, quantized } = size_bytes;
  const kept = (settings.float_layers as string[]).length;
  return [
    `size      ${formatBytes(float)} → ${formatBytes(quantized)} (${(quantized / float).toFixed(2)}×)`,
    latency_ms
      ? `time      ${latency_ms.float.toFixed(1)} → ${latency_ms.quantized.toFixed(1)} ms (${(latency_ms.quantized / latency_ms.float).toFixed(2)}×)`
      : "time      not measured: the target is another machine",
    `outputs   ${agreement.sqnr_db.toFixed(1)} dB SQNR`,
    ...(score ? [`score     ${score.metric} ${score.float.toFixed(4)} → ${score.quantized.toFixed(4)}`] : []),
    `settings  ${settings.method}, ${kept === 0 ? "no layer stays float" : `${kept} layers stay float`}`,
  ];
}

async function writeReport(path: string, report: QuantizationReport): Promise<void> {
  await asModelWrite(async () => {
    await writeFile(`${path}.json`, `${JSON.stringify(report, null, 2)}\n`);
    await writeFile(`${path}.html`, htmlReport(report));
  });
}

/** Saves the calibration of a refused model too: another runtime may do better with it. */
async function saveCalibration(
  { path }: SourceModel,
  { calibration }: Quantized,
  file: string | undefined,
  context: CommandContext,
): Promise<void> {
  if (!file || !calibration) return;
  const modelSha256 = hash("sha256", await readFile(path), "hex");
  const text = calibrationText({ modelSha256, histograms: [...calibration.histograms.values()] });
  await asModelWrite(() => writeFile(resolve(context.cwd, file), text));
}

async function asModelWrite(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw SightlineError.wrap("ERR_MODEL_WRITE", error);
  }
}
