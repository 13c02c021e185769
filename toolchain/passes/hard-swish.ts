import { float } from "../../models/onnx/attributes.ts";
import { type Graph, makeNode } from "../../models/onnx/graph.ts";
import type { NodeProto } from "../../models/onnx/proto/onnx_pb.js";
import { floatsOf } from "../../models/onnx/tensor.ts";

/** HardSwish is an operator from here on. */
const OPSET = 14;

/**
 * Writes x · clip(x + 3, 0, 6) / 6 as the one operator that it is (MobileNetV3, arXiv 1905.02244), in either order of
 * product and quotient. Gives how many were found.
 */
export function hardSwish(graph: Graph): number {
  if (graph.opset() < OPSET) return 0;
  let found = 0;
  for (const last of [...graph.nodes]) {
    const x = argument(graph, last);
    if (x === undefined) continue;
    const [output = ""] = last.output;
    const node = makeNode("HardSwish", {
      name: graph.uniqueName(`${output}_hardswish`),
      inputs: [x],
      outputs: [output],
    });
    // In its place, so that the order of nodes stays one in which they can run.
    graph.proto.node = graph.nodes.map((other) => (other === last ? node : other));
    graph.touch();
    found++;
  }
  return found;
}

/** The x that `last` is the HardSwish of. */
function argument(graph: Graph, last: NodeProto): string | undefined {
  if (scalar(graph, last, "Div") !== 6 && !near(scalar(graph, last, "Mul"), 1 / 6)) return undefined;
  const product = onlyReader(graph, variable(graph, last));
  if (product?.opType !== "Mul") return undefined;
  for (const [x = "", clipped = ""] of [product.input, product.input.toReversed()]) {
    const clip = onlyReader(graph, clipped);
    if (clip?.opType !== "Clip" || bound(graph, clip, 1, "min") !== 0 || bound(graph, clip, 2, "max") !== 6)
      continue;
    const sum = onlyReader(graph, clip.input[0]);
    if (sum && scalar(graph, sum, "Add") === 3 && variable(graph, sum) === x) return x;
  }
  return undefined;
}

const near = (a: number | undefined, b: number): boolean => a !== undefined && Math.abs(a - b) < 1e-6;

/** The node that makes a tensor which nobody else needs. */
function onlyReader(graph: Graph, name: string | undefined): NodeProto | undefined {
  if (!name || graph.consumers(name).length !== 1 || graph.isOutput(name)) return undefined;
  return graph.producer(name);
}

/** The constant operand of a node with one. */
function scalar(graph: Graph, node: NodeProto, opType: string): number | undefined {
  if (node.opType !== opType) return undefined;
  const operands = opType === "Div" ? node.input.slice(1) : node.input;
  const constant = operands.map((name) => graph.initializer(name)).find((tensor) => tensor !== undefined);
  const values = constant && floatsOf(constant);
  return values?.length === 1 ? values[0] : undefined;
}

const variable = (graph: Graph, node: NodeProto): string | undefined =>
  node.input.find((name) => name !== "" && graph.initializer(name) === undefined);

/** Of a Clip: an attribute up to opset 10, an input since. */
function bound(graph: Graph, node: NodeProto, index: number, name: string): number | undefined {
  const constant = graph.initializer(node.input[index]);
  return constant ? floatsOf(constant)[0] : float(node, name);
}
