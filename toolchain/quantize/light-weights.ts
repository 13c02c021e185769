import { Graph } from "../../models/onnx/graph.ts";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { bytesOf } from "../../models/onnx/tensor.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import type { LayerReport } from "../report/report.ts";
import { quantizeDynamic } from "./dynamic.ts";
import type { QuantizeDeps, QuantizeJob } from "./job.ts";
import type { Candidate } from "./judge.ts";
import { SCHEMES } from "./static/schemes.ts";
import { weightLayers } from "./weight-only/layers.ts";
import { quantizeWeights } from "./weight-only/quantize-weights.ts";

/** A prepared model whose weights alone are small, or whose MatMuls quantize anew in each run. Errors: as `quantize`. */
export async function lightWeights(
  deps: QuantizeDeps,
  job: QuantizeJob,
  float: ModelProto,
): Promise<Candidate> {
  let images = 0;
  const onInput = (n: number): void => {
    images = n;
    deps.onProgress("calibrate", n, job.calibration.count);
  };
  if (quantizable(float, job).length === 0)
    throw new SightlineError("ERR_QUANTIZE_REFUSED", "it has no operator that can be quantized this way");
  const model = await made(deps, job, float, onInput);
  return {
    ...{ float, model, images },
    settings: { method: job.precision === "int8-dynamic" ? "dynamic" : "gptq", float_layers: [] },
    layers: async () => quantizable(float, job).map((layer) => rowOf(layer, job)),
  };
}

/** Dynamic ranges are for MatMul and Gemm alone. */
const quantizable = (float: ModelProto, { precision }: QuantizeJob) =>
  weightLayers(new Graph(float)).filter(({ geometry }) => precision !== "int8-dynamic" || !geometry);

async function made(
  { provider }: QuantizeDeps,
  { calibration: { inputs }, precision, target }: QuantizeJob,
  float: ModelProto,
  onInput: (n: number) => void,
): Promise<ModelProto> {
  if (precision !== "int8-dynamic") {
    return quantizeWeights(float, { bits: precision === "int4" ? 4 : 2 }, { provider, inputs, onInput });
  }
  // Its ranges need no inputs; the judge does.
  let n = 0;
  for await (const _ of inputs()) onInput(++n);
  return quantizeDynamic(float, { headroom: SCHEMES[target].headroom });
}

const rowOf = (
  { node, weights }: ReturnType<typeof weightLayers>[number],
  { precision }: QuantizeJob,
): LayerReport => ({
  ...{
    name: node.output[0] ?? "",
    operator: node.opType,
    sqnr_db: null,
    range: null,
    seen: null,
    histogram: [],
  },
  precision: precision === "int8" || precision === "int8-dynamic" ? "int8" : precision,
  weights_bytes: bytesOf(weights).byteLength,
});
