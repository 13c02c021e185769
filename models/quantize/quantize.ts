import { SightlineError } from "../../runtime/base/errors.ts";
import { copyModel } from "../onnx/copy-model.ts";
import { Graph } from "../onnx/graph.ts";
import type { ModelProto } from "../onnx/proto/onnx_pb.js";
import { type Calibration, calibrate } from "./calibrate/calibrate.ts";
import type { QuantizeDeps, QuantizeJob } from "./job.ts";
import { judge } from "./judge.ts";
import { prepareFloat } from "./prepare.ts";
import type { QuantizationReport } from "./report/report.ts";
import { Search } from "./search.ts";
import { planQuantization } from "./static/plan.ts";
import { quantizeStatic } from "./static/quantize-static.ts";

export interface Quantized {
  model: ModelProto;
  report: QuantizationReport;
  calibration: Calibration;
}

/**
 * Static int8: calibrates, chooses how, leaves layers float that lose too much, and judges the result. A result that is
 * not worth having comes with the reasons in `report.refused`. Errors: ERR_QUANTIZE_RANGE, ERR_ONNX_OPSET,
 * ERR_MODEL_LOAD, ERR_SESSION_RUN, and those of the inputs.
 */
export async function quantize(deps: QuantizeDeps, job: QuantizeJob): Promise<Quantized> {
  const { onProgress, provider } = deps;
  const float = await prepareFloat(job.model, provider);
  const graph = new Graph(copyModel(float));
  const everything = planQuantization(graph, { reach: "all" });
  if (everything.nodes.size === 0)
    throw new SightlineError("ERR_QUANTIZE_REFUSED", "nothing in it can be quantized");
  const calibration = await calibrate(
    provider,
    { model: float, plan: everything },
    job.calibration.inputs,
    (images) => onProgress("calibrate", images, job.calibration.count),
  );
  if (job.heldOut.length < 2)
    throw new SightlineError("ERR_QUANTIZE_RANGE", `${calibration.images} pictures are too few`, {
      hint: "Give at least 10; 100 to 500 from different hours and parts are better.",
    });
  const search = new Search(deps, job, { float, graph, calibration });
  await search.open();
  const settings = await search.settings();
  const model = quantizeStatic(float, calibration, settings);
  const report = await judge(deps, job, { float, graph, everything, calibration, settings, model });
  return { model, report, calibration };
}
