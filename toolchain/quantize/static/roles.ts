import { text } from "../../../models/onnx/attributes.ts";
import type { Graph } from "../../../models/onnx/graph.ts";
import type { NodeProto } from "../../../models/onnx/proto/onnx_pb.js";
import { isFloat } from "../../../models/onnx/tensor.ts";

/**
 * What an operator is to the quantizer, by what ONNX Runtime's CPU provider can run on 8-bit codes (read in its
 * qdq_selector_action_transformer.cc, 1.30):
 * `compute` has weights and brings the speed; `join` and `pool` have integer kernels with scales of their own, and pay
 * only between others; `share` moves codes about, so its output has the scale of its input.
 */
export type Role = "compute" | "join" | "pool" | "share";

const ROLES: Readonly<Record<string, Role>> = {
  Conv: "compute",
  MatMul: "compute",
  Gemm: "compute",
  Add: "join",
  Concat: "join",
  AveragePool: "pool",
  GlobalAveragePool: "pool",
  MaxPool: "share",
  Resize: "share",
  Reshape: "share",
  Transpose: "share",
  Squeeze: "share",
  Unsqueeze: "share",
  Flatten: "share",
  Slice: "share",
  Gather: "share",
  Split: "share",
};

const RESIZE_MODES = new Set([undefined, "nearest", "linear"]);

/** Undefined for what stays float. */
export function roleOf(graph: Graph, node: NodeProto): Role | undefined {
  const role = node.domain === "" ? ROLES[node.opType] : undefined;
  if (role === "compute" && !hasWeights(graph, node)) return undefined;
  if (node.opType === "Resize" && !RESIZE_MODES.has(text(node, "mode"))) return undefined;
  return role;
}

/** Where the weights' output channels are counted; from the end where negative. */
export function channelAxis(node: NodeProto): number {
  if (node.opType === "Conv") return 0;
  const isTransposed = node.attribute.some(({ name, i }) => name === "transB" && i === 1n);
  return node.opType === "Gemm" && isTransposed ? 0 : -1;
}

/** Weights (and a bias) that are constants; a Gemm must add its bias whole, as integer kernels do. */
function hasWeights(graph: Graph, node: NodeProto): boolean {
  const [, weights, bias] = node.input;
  const constant = graph.initializer(weights);
  if (!constant || !isFloat(constant) || (bias && !graph.initializer(bias))) return false;
  if (node.opType !== "Conv" && constant.dims.length !== 2) return false;
  const isPlain = (name: string) => node.attribute.every((a) => a.name !== name || a.f === 1);
  return (
    node.opType !== "Gemm" ||
    (isPlain("alpha") &&
      isPlain("beta") &&
      !node.attribute.some(({ name, i }) => name === "transA" && i !== 0n))
  );
}

/** The tensor that carries a node's result once ONNX Runtime has fused the activation behind it. */
export function resultOf(graph: Graph, node: NodeProto): string {
  const [output = ""] = node.output;
  const [reader, ...others] = graph.consumers(output);
  const isFused = reader && others.length === 0 && !graph.isOutput(output) && ACTIVATIONS.has(reader.opType);
  return isFused ? (reader.output[0] ?? output) : output;
}

const ACTIVATIONS: ReadonlySet<string> = new Set(["Relu", "Clip"]);
