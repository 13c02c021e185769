import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { writeOut } from "../../../toolchain/pack/write-out.ts";
import {
  type CalibrationFile,
  readCalibration,
} from "../../../toolchain/quantize/calibrate/calibration-file.ts";
import { type RangeMethod, rangeOf } from "../../../toolchain/quantize/calibrate/ranges.ts";
import { ortTensorRtTable, tensorRtCache } from "../../../toolchain/quantize/calibrate/tables.ts";
import { parseVerbArgs, requirePositionals, usageError, type Verb } from "../../verb.ts";
import { METHODS, percentileOf } from "./quantize-job.ts";
import { oneOf } from "./source-model.ts";

/** The default method is entropy, because TensorRT's own calibrator uses it and the cache names it. */
const OPTIONS = {
  format: { type: "string" },
  tensorrt: { type: "string" },
  method: { type: "string", default: "entropy" },
  percentile: { type: "string", default: "99.99" },
  out: { type: "string", short: "o" },
} as const;

export const calibrationTable: Verb = {
  name: "table",
  summary: "write a saved calibration as a table for TensorRT",
  usage: [
    "model table CALIBRATION (--format onnxruntime | --format tensorrt --tensorrt 8601) -o FILE",
    "    [--method minmax|percentile|entropy|mse] [--percentile 99.99]",
  ].join("\n"),
  async run(args, context) {
    const { values, positionals } = parseVerbArgs(calibrationTable, args, OPTIONS);
    const [file = ""] = requirePositionals(calibrationTable, ["CALIBRATION"], positionals);
    const { out } = values;
    if (!out) throw usageError(calibrationTable, "-o is missing");
    const text = textOf(values, methodOf(values));
    const calibration = await readCalibration(resolve(context.cwd, file));
    await writeOut(resolve(context.cwd, out), (temporary) => writeFile(temporary, text(calibration)));
    context.out(
      `Wrote ${out}: ${calibration.histograms.length} tensors of the model ${calibration.modelSha256.slice(0, 12)}…`,
    );
    return 0;
  },
};

type Values = ReturnType<typeof parseVerbArgs<typeof OPTIONS>>["values"];

function textOf({ format, tensorrt }: Values, method: RangeMethod): (calibration: CalibrationFile) => string {
  const rangesOf = ({ histograms }: CalibrationFile) =>
    new Map(histograms.map((histogram) => [histogram.name, rangeOf(histogram, method)]));
  if (!format) throw usageError(calibrationTable, "--format is missing");
  if (oneOf(format, ["tensorrt", "onnxruntime"], "--format") === "onnxruntime")
    return (calibration) => ortTensorRtTable(rangesOf(calibration));
  if (tensorrt && /^\d{4,6}$/.test(tensorrt))
    return (calibration) => tensorRtCache(rangesOf(calibration), tensorrt);
  throw usageError(
    calibrationTable,
    "--tensorrt must be its version, such as 8601 for 8.6.1: it reads no other version's table",
  );
}

/** TensorRT's codes are symmetric around zero, so ranges are chosen by magnitude. */
function methodOf({ method, percentile }: Values): RangeMethod {
  const chosen = oneOf(method, METHODS, "--method");
  if (chosen === "percentile")
    return { method: chosen, percentile: percentileOf(percentile), symmetric: true };
  return chosen === "mse" ? { method: chosen, steps: 254, symmetric: true } : { method: chosen };
}
