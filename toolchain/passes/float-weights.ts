import { int } from "../../models/onnx/attributes.ts";
import type { Graph } from "../../models/onnx/graph.ts";
import type { NodeProto } from "../../models/onnx/proto/onnx_pb.js";
import { dimsOf, elementCount, floatsOf, floatTensor } from "../../models/onnx/tensor.ts";

/**
 * Replaces weights that are stored as integers (an initializer behind DequantizeLinear) by floats, so that what
 * quantizes finds the numbers that it starts from. Gives how many.
 */
export function floatWeights(graph: Graph): number {
  const folded = new Set(graph.nodes.filter((node) => isStoredWeight(graph, node)));
  for (const node of folded) {
    const [name = ""] = node.output;
    const value = dequantized(graph, node);
    if (value) graph.proto.initializer.push(floatTensor(name, value.dims, value.data));
  }
  graph.remove(folded);
  return folded.size;
}

/** Blocked scales (opset 21) are left to ONNX Runtime. */
const isStoredWeight = (graph: Graph, node: NodeProto): boolean =>
  node.opType === "DequantizeLinear" &&
  node.input.every((name) => name === "" || graph.initializer(name) !== undefined) &&
  (int(node, "block_size") ?? 0) === 0;

function dequantized(graph: Graph, node: NodeProto): { dims: number[]; data: Float32Array } | undefined {
  const [x, scale, zeroPoint] = node.input.map((name) => graph.initializer(name));
  if (!x || !scale) return undefined;
  const dims = dimsOf(x);
  const scales = floatsOf(scale);
  const zeros = zeroPoint && floatsOf(zeroPoint);
  const axis = (((int(node, "axis") ?? 1) % dims.length) + dims.length) % dims.length;
  const inner = dims.slice(axis + 1).reduce((n, d) => n * d, 1);
  const channels = elementCount(scale) === 1 ? 1 : (dims[axis] ?? 1);
  const data = floatsOf(x).map((value, i) => {
    const channel = Math.floor(i / inner) % channels;
    return Math.fround((value - (zeros?.[channel] ?? 0)) * (scales[channel] ?? 1));
  });
  return { dims, data };
}
