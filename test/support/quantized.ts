import { copyModel } from "../../models/onnx/copy-model.ts";
import { withMoreOutputs } from "../../models/onnx/derive.ts";
import { Graph } from "../../models/onnx/graph.ts";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { encodeModel } from "../../models/onnx/write-model.ts";
import type { ExecutionProvider } from "../../runtime/session/execution-provider.ts";
import { floats, type NamedTensors } from "../../runtime/tensor/tensor.ts";
import { floatWeights } from "../../toolchain/passes/float-weights.ts";
import { liftConstants } from "../../toolchain/passes/lift-constants.ts";
import { insertQdq } from "../../toolchain/quantize/static/insert-qdq.ts";
import { planQuantization } from "../../toolchain/quantize/static/plan.ts";
import { SCHEMES } from "../../toolchain/quantize/static/schemes.ts";

/** The model in 8 bits, with the ranges that its tensors have for `feeds`: good enough to run, not to judge by. */
export async function quantized(
  provider: ExecutionProvider,
  model: ModelProto,
  feeds: NamedTensors,
): Promise<ModelProto> {
  const graph = new Graph(copyModel(model));
  liftConstants(graph);
  floatWeights(graph);
  const plan = planQuantization(graph, { reach: "all" });
  const session = await provider.load(encodeModel(withMoreOutputs(graph.model, plan.tensors.keys())));
  const made = { ...feeds, ...(await session.run(0, feeds)) };
  await session.unload();
  const ranges = new Map(
    [...plan.tensors.keys()].map((name) => {
      const values = floats(made[name], name);
      return [
        name,
        { min: values.reduce((a, b) => Math.min(a, b), 0), max: values.reduce((a, b) => Math.max(a, b), 0) },
      ];
    }),
  );
  insertQdq(graph, plan, { scheme: SCHEMES["linux-x64-vnni"], ranges });
  return graph.model;
}
