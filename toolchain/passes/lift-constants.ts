import { constantOf } from "../../models/onnx/derive.ts";
import type { Graph } from "../../models/onnx/graph.ts";

/** Makes initializers of Constant nodes, where some exporters keep every weight. Gives how many. */
export function liftConstants(graph: Graph): number {
  const lifted = new Set(graph.nodes.filter((node) => constantOf(node) !== undefined));
  graph.proto.initializer.push(...[...lifted].flatMap((node) => constantOf(node) ?? []));
  graph.remove(lifted);
  return lifted.size;
}
