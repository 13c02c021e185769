import type { Graph } from "../../models/onnx/graph.ts";

/** Takes out nodes and initializers that no output needs. Gives how many nodes went. */
export function removeUnused(graph: Graph): number {
  const before = graph.nodes.length;
  for (let gone = unusedNodes(graph); gone.size > 0; gone = unusedNodes(graph)) graph.remove(gone);
  const unused = graph.proto.initializer
    .map(({ name }) => name)
    .filter((name) => graph.consumers(name).length === 0 && !graph.isOutput(name));
  graph.removeInitializers(new Set(unused));
  return before - graph.nodes.length;
}

const unusedNodes = (graph: Graph) =>
  new Set(
    graph.nodes.filter(({ output }) =>
      output.every((name) => name === "" || (graph.consumers(name).length === 0 && !graph.isOutput(name))),
    ),
  );
