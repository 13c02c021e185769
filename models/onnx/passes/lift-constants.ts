import { tensorAttribute } from "../attributes.ts";
import type { Graph } from "../graph.ts";
import { renamed } from "../tensor.ts";

/** Makes initializers of Constant nodes, where some exporters keep every weight. Gives how many. */
export function liftConstants(graph: Graph): number {
  const lifted = new Set(
    graph.nodes.filter((node) => node.opType === "Constant" && tensorAttribute(node, "value") !== undefined),
  );
  for (const node of lifted) {
    const [name = ""] = node.output;
    const value = tensorAttribute(node, "value");
    if (value) graph.proto.initializer.push(renamed(value, name));
  }
  graph.remove(lifted);
  return lifted.size;
}
