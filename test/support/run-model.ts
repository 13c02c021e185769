import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { encodeModel } from "../../models/onnx/write-model.ts";
import type { ExecutionProvider, LoadOptions } from "../../runtime/session/execution-provider.ts";
import { elementCount, floats, type NamedTensors, type TensorSpec } from "../../runtime/tensor/tensor.ts";
import { sqnrDb } from "../../toolchain/quantize/compare.ts";
import { gaussian } from "../unit/quantize/values.ts";

/** One run on slot 0. */
export async function runModel(
  provider: ExecutionProvider,
  model: ModelProto,
  feeds: NamedTensors,
  options: LoadOptions = {},
): Promise<NamedTensors> {
  const session = await provider.load(encodeModel(model), options);
  try {
    return await session.run(0, feeds);
  } finally {
    await session.unload();
  }
}

/** The least SQNR over the outputs, in dB; −Infinity when an output is missing or has another shape. */
export function worstSqnrDb(wanted: NamedTensors, given: NamedTensors): number {
  const each = Object.entries(wanted).map(([name, tensor]) => {
    if (given[name]?.dims.join() !== tensor.dims.join()) return Number.NEGATIVE_INFINITY;
    return sqnrDb(floats(tensor, name), floats(given[name], name));
  });
  return each.length === 0 ? Number.NEGATIVE_INFINITY : Math.min(...each);
}

/** Normally distributed floats for each input, dimensions left open set to `open`. */
export const gaussianFeeds = (specs: readonly TensorSpec[], seed: number, open = 1): NamedTensors =>
  Object.fromEntries(
    specs.map(({ name, dims: spec }, i) => {
      const dims = spec.map((dim) => (dim === -1 ? open : dim));
      const data = Float32Array.from(gaussian(elementCount(dims), seed + i));
      return [name, { dtype: "float32" as const, dims, data }];
    }),
  );
