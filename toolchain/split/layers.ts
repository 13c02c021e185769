import { int } from "../../models/onnx/attributes.ts";
import type { Graph } from "../../models/onnx/graph.ts";
import type { NodeProto } from "../../models/onnx/proto/onnx_pb.js";
import { dimsOf } from "../../models/onnx/tensor.ts";
import type { Shapes } from "./shapes.ts";

/** An operator that multiplies by weights, or two tensors with each other. */
export interface Layer {
  /** The tensor that it makes. */
  output: string;
  operator: string;
  dims: readonly number[];
  /** Multiplications with an addition each. */
  macs: number;
}

/** In the order of the graph; shapes are those of a run. */
export function layersOf(graph: Graph, shapes: Shapes): Layer[] {
  const dims = (name = ""): readonly number[] => {
    const constant = graph.initializer(name);
    return constant ? dimsOf(constant) : (shapes.get(name)?.dims ?? []);
  };
  return graph.nodes.flatMap((node) => {
    const output = node.output[0] ?? "";
    const macs = MACS[node.opType]?.(node, dims);
    return macs === undefined ? [] : [{ output, operator: node.opType, dims: dims(output), macs }];
  });
}

type Dims = (name: string | undefined) => readonly number[];

const product = (dims: readonly number[]): number => dims.reduce((n, dim) => n * dim, 1);

/** Each element that a convolution makes, and each that a transposed one reads, meets the weights of one channel. */
const MACS: Readonly<Record<string, (node: NodeProto, dims: Dims) => number>> = {
  Conv: ({ input, output }, dims) => product(dims(output[0])) * product(dims(input[1]).slice(1)),
  ConvTranspose: ({ input }, dims) => product(dims(input[0])) * product(dims(input[1]).slice(1)),
  MatMul: ({ input, output }, dims) => product(dims(output[0])) * (dims(input[0]).at(-1) ?? 1),
  Gemm: (node, dims) =>
    product(dims(node.output[0])) * (dims(node.input[0])[int(node, "transA") ? 0 : 1] ?? 1),
};
