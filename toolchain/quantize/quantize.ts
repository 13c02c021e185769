import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import type { QuantizationReport } from "../report/report.ts";
import type { Calibration } from "./calibrate/calibrate.ts";
import type { QuantizeDeps, QuantizeJob } from "./job.ts";
import { judge } from "./judge.ts";
import { lightWeights } from "./light-weights.ts";
import { prepareFloat } from "./prepare.ts";
import { staticInt8 } from "./static-int8.ts";

export interface Quantized {
  model: ModelProto;
  report: QuantizationReport;
  /** Of `int8`. */
  calibration: Calibration | undefined;
}

/**
 * Makes a model of integers and judges it. A result that is not worth having comes with the reasons in `report.refused`.
 * Errors: ERR_QUANTIZE_RANGE (too few inputs, NaN or infinity), ERR_QUANTIZE_REFUSED (nothing to quantize), ERR_ONNX_OPSET,
 * ERR_MODEL_LOAD, ERR_SESSION_RUN, and those of the inputs.
 */
export async function quantize(deps: QuantizeDeps, job: QuantizeJob): Promise<Quantized> {
  const float = await prepareFloat(job.model, deps.provider);
  if (job.precision !== "int8") {
    const candidate = await lightWeights(deps, job, float);
    return { model: candidate.model, report: await judge(deps, job, candidate), calibration: undefined };
  }
  const { calibration, ...candidate } = await staticInt8(deps, job, float);
  return { model: candidate.model, report: await judge(deps, job, candidate), calibration };
}
