import { copyModel } from "../../models/onnx/copy-model.ts";
import { Graph } from "../../models/onnx/graph.ts";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { SightlineError } from "../../runtime/base/errors.ts";
import { layerReports } from "../report/layers.ts";
import { type Calibration, calibrate } from "./calibrate/calibrate.ts";
import type { QuantizeDeps, QuantizeJob } from "./job.ts";
import type { Candidate } from "./judge.ts";
import { Search } from "./search.ts";
import { planQuantization } from "./static/plan.ts";
import { quantizeStatic } from "./static/quantize-static.ts";

/** Calibrates a prepared model, and searches how it is best made of integers. Errors: as `quantize`. */
export async function staticInt8(
  deps: QuantizeDeps,
  job: QuantizeJob,
  float: ModelProto,
): Promise<Candidate & { calibration: Calibration }> {
  const { onProgress, provider } = deps;
  const graph = new Graph(copyModel(float));
  const everything = planQuantization(graph, { reach: "all" });
  if (everything.nodes.size === 0)
    throw new SightlineError("ERR_QUANTIZE_REFUSED", "it has no operator that can be quantized");
  const calibration = await calibrate(
    provider,
    { model: float, plan: everything },
    job.calibration.inputs(),
    (images) => onProgress("calibrate", images, job.calibration.count),
  );
  const search = new Search(deps, job, { float, graph, calibration });
  await search.open();
  const settings = await search.settings();
  const model = quantizeStatic(float, calibration, settings);
  const { correctBias, exclude = new Set<string>(), method, reach, scheme } = settings;
  const layered = { float, quantized: model, graph, everything, exclude, calibration, method };
  return {
    ...{ float, model, calibration, images: calibration.images },
    settings: {
      ...{ ...method, reach, bias_correction: correctBias, headroom: scheme.headroom },
      float_layers: [...exclude],
    },
    layers: (inputs) => layerReports(provider, layered, inputs),
  };
}
