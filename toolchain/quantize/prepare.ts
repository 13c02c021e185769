import { copyModel } from "../../models/onnx/copy-model.ts";
import { Graph } from "../../models/onnx/graph.ts";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import type { ExecutionProvider } from "../../runtime/session/execution-provider.ts";
import { floatWeights } from "../passes/float-weights.ts";
import { float32 } from "../passes/float32.ts";
import { foldAffine } from "../passes/fold-affine.ts";
import { hardSwish } from "../passes/hard-swish.ts";
import { liftConstants } from "../passes/lift-constants.ts";
import { removeUnused } from "../passes/remove-unused.ts";
import { upgradeOpset } from "../upgrade/upgrade-opset.ts";
import { optimized } from "./optimize.ts";

/** Scales for each channel came with 13, HardSwish with 14. */
const QDQ_OPSET = 14;

/**
 * A float model in the form that quantization starts from: weights as float32 initializers, batch norms and constant
 * factors drawn into convolutions, dead nodes gone. It computes what `model` computes, to rounding. Errors:
 * ERR_ONNX_OPSET, ERR_MODEL_LOAD.
 */
export async function prepareFloat(model: ModelProto, provider: ExecutionProvider): Promise<ModelProto> {
  const plain = new Graph(await plainFloat(model, provider));
  foldAffine(plain);
  hardSwish(plain);
  removeUnused(plain);
  plain.sort();
  return plain.model;
}

/** The same but for what ONNX Runtime would not do by itself: what its own quantizer starts from. Errors: as above. */
export async function plainFloat(model: ModelProto, provider: ExecutionProvider): Promise<ModelProto> {
  const copy = copyModel(model);
  const graph = new Graph(copy);
  liftConstants(graph);
  floatWeights(graph);
  float32(graph);
  if (graph.opset() < QDQ_OPSET) upgradeOpset(copy, QDQ_OPSET);
  const plain = new Graph(await optimized(copy, "basic", provider));
  liftConstants(plain);
  return plain.model;
}
