import type { ExecutionProvider } from "../../runtime/session/execution-provider.ts";
import { byteCount, type DType, type NamedTensors } from "../../runtime/tensor/tensor.ts";
import { withOutputs } from "../onnx/derive.ts";
import type { ModelProto } from "../onnx/proto/onnx_pb.js";
import { encodeModel } from "../onnx/write-model.ts";

/** A tensor as a run had it. */
export interface MeasuredTensor {
  dtype: DType;
  /** Of this run. */
  dims: readonly number[];
  /** What holds in every run; -1 where the size depends on the inputs'. */
  declared: readonly number[];
  bytes: number;
}

/** By the tensor's name. */
export type Shapes = ReadonlyMap<string, MeasuredTensor>;

/**
 * Every tensor of the model's main graph, from one run that ONNX Runtime does not optimise: it knows the shapes that
 * all its operators make, so that nobody has to write them down again.
 * Errors: ERR_MODEL_LOAD, ERR_MODEL_IO (a tensor is of a type that Sightline does not run), ERR_SESSION_RUN.
 */
export async function measureShapes(
  provider: ExecutionProvider,
  model: ModelProto,
  feeds: NamedTensors,
): Promise<Shapes> {
  const made = (model.graph?.node ?? []).flatMap(({ output }) => output.filter((name) => name !== ""));
  const session = await provider.load(encodeModel(withOutputs(model, made)), { optimization: "none" });
  try {
    const tensors = { ...feeds, ...(await session.run(0, feeds)) };
    const specs = [...session.inputs, ...session.outputs];
    return new Map(
      specs.flatMap(({ name, dtype, dims: known }) => {
        const dims = tensors[name]?.dims;
        if (dims === undefined) return [];
        // Where ONNX Runtime does not even know the rank it gives none.
        const declared = known.length === dims.length ? known : dims.map(() => -1);
        return [[name, { dtype, dims, declared, bytes: byteCount(dtype, dims) }]];
      }),
    );
  } finally {
    await session.unload();
  }
}
