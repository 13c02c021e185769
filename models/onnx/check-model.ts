import { SightlineError } from "../../runtime/base/errors.ts";
import { elementType } from "./element-types.ts";
import { Graph } from "./graph.ts";
import type { GraphProto, ModelProto, TensorProto } from "./proto/onnx_pb.js";
import { quote } from "./quote.ts";
import { bytesOf, isExternal } from "./tensor.ts";
import { graphsOf, tensorsOf } from "./walk.ts";

/** ONNX 1.21 defines 26 of them; ONNX Runtime 1.30 runs them. Older than 7 (2018) is not seen any more. */
const OPSETS = { min: 7, max: 26 };

/**
 * What every pass takes for granted: a graph with outputs, operators of a known version, each tensor made once,
 * no cycle, everything that is read there, and weights whose bytes fill their shapes.
 * Errors: ERR_ONNX_FILE, ERR_ONNX_OPSET, ERR_ONNX_GRAPH, ERR_ONNX_TENSOR, ERR_ONNX_EXTERNAL.
 */
export function checkModel(model: ModelProto): void {
  if (!model.graph || model.graph.node.length === 0) {
    throw new SightlineError("ERR_ONNX_FILE", "the file contains no graph");
  }
  const graph = new Graph(model);
  checkOpset(graph.opset());
  for (const inner of graphsOf(model)) checkNames(inner);
  checkReads(graph);
  graph.sort();
  for (const tensor of tensorsOf(model)) checkTensor(tensor);
}

function checkOpset(opset: number): void {
  if (opset >= OPSETS.min && opset <= OPSETS.max) return;
  const message = opset === 0 ? "names no opset version" : `needs opset ${opset}`;
  throw new SightlineError(
    "ERR_ONNX_OPSET",
    `the model ${message}; ${OPSETS.min} to ${OPSETS.max} are supported`,
  );
}

function checkNames(graph: GraphProto): void {
  const made = new Set(graph.initializer.map(({ name }) => name));
  if (made.size < graph.initializer.length) throw wrong("two initializers have the same name");
  for (const { name } of graph.input) if (name === "") throw wrong("an input has no name");
  // An input that an initializer gives a default is listed twice in old models.
  const inputs = new Set(graph.input.map(({ name }) => name));
  if (inputs.size < graph.input.length) throw wrong("two inputs have the same name");
  for (const name of inputs) made.add(name);
  for (const { opType, output } of graph.node) {
    if (opType === "") throw wrong("a node has no operator");
    for (const name of output.filter((n) => n !== "")) {
      if (made.has(name)) throw wrong(`tensor ${quote(name)} is produced twice`);
      made.add(name);
    }
  }
}

function checkReads(graph: Graph): void {
  const { proto } = graph;
  const inputs = new Set(proto.input.map(({ name }) => name));
  const exists = (name: string): boolean =>
    inputs.has(name) || graph.initializer(name) !== undefined || graph.producer(name) !== undefined;
  if (proto.output.length === 0) throw wrong("the graph has no outputs");
  for (const { name } of proto.output)
    if (!exists(name)) throw wrong(`no operator produces the output ${quote(name)}`);
  for (const { input, opType } of proto.node) {
    const missing = input.find((name) => name !== "" && !exists(name));
    if (missing !== undefined)
      throw wrong(`no operator produces ${quote(missing)}, which a ${quote(opType)} reads`);
  }
}

function checkTensor(tensor: TensorProto): void {
  if (isExternal(tensor))
    throw new SightlineError("ERR_ONNX_EXTERNAL", `tensor ${quote(tensor.name)} is stored in another file`);
  // Strings, and types newer than this, are left alone: no pass looks into them.
  if (elementType(tensor.dataType) !== undefined) bytesOf(tensor);
}

const wrong = (message: string): SightlineError => new SightlineError("ERR_ONNX_GRAPH", message);
