import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { encodeModel } from "../../models/onnx/write-model.ts";
import type { ExecutionProvider } from "../../runtime/session/execution-provider.ts";
import type { TensorSpec } from "../../runtime/tensor/tensor.ts";

/** What a model has to be fed, as ONNX Runtime reads it. Errors: those of `ExecutionProvider.load`. */
export async function inputSpecs(
  provider: ExecutionProvider,
  model: ModelProto,
): Promise<readonly TensorSpec[]> {
  const session = await provider.load(encodeModel(model), { optimization: "none" });
  await session.unload();
  return session.inputs;
}
