import { int } from "../../../models/onnx/attributes.ts";
import type { Graph } from "../../../models/onnx/graph.ts";
import type { NodeProto, TensorProto } from "../../../models/onnx/proto/onnx_pb.js";
import { dimsOf, floatsOf } from "../../../models/onnx/tensor.ts";
import type { Rows } from "../numerics/blocks.ts";
import { channelAxis, roleOf } from "../static/roles.ts";
import { type ConvGeometry, convGeometry } from "./conv-geometry.ts";

/** A node with constant weights, as N rows of K inputs each. */
export interface WeightLayer {
  node: NodeProto;
  weights: TensorProto;
  n: number;
  k: number;
  /** Of a Conv. */
  geometry?: ConvGeometry;
  /** Grouped, so that rows see different inputs. */
  isGrouped: boolean;
}

/** `exclude` names layers by their first output. */
export function weightLayers(graph: Graph, exclude: ReadonlySet<string> = new Set()): WeightLayer[] {
  return graph.nodes
    .filter((node) => roleOf(graph, node) === "compute" && !exclude.has(node.output[0] ?? ""))
    .flatMap((node) => {
      const weights = graph.initializer(node.input[1]);
      return weights ? [layerOf(node, weights)] : [];
    });
}

function layerOf(node: NodeProto, weights: TensorProto): WeightLayer {
  const dims = dimsOf(weights);
  if (node.opType === "Conv") {
    const [n = 1, ...rest] = dims;
    const k = rest.reduce((product, side) => product * side, 1);
    const isGrouped = (int(node, "group") ?? 1) !== 1;
    return { node, weights, n, k, geometry: convGeometry(node, dims), isGrouped };
  }
  const [k = 1, n = 1] = channelAxis(node) === 0 ? dims.toReversed() : dims;
  return { node, weights, n, k, isGrouped: false };
}

export function rowsOf({ node, weights, n, k }: WeightLayer): Rows {
  const values = floatsOf(weights);
  if (channelAxis(node) === 0) return { values, n, k };
  const transposed = new Float32Array(n * k);
  for (let i = 0; i < k; i++) for (let j = 0; j < n; j++) transposed[j * k + i] = values[i * n + j] as number;
  return { values: transposed, n, k };
}
