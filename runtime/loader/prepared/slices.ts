import { withGraph } from "../../../models/onnx/derive.ts";
import { sizeBytes } from "../../../models/onnx/flow.ts";
import { Graph, readsOf } from "../../../models/onnx/graph.ts";
import type {
  ModelProto,
  NodeProto,
  TensorProto,
  ValueInfoProto,
} from "../../../models/onnx/proto/onnx_pb.js";

/** A run of nodes whose weights come into memory together. */
export interface Slice {
  nodes: readonly NodeProto[];
  /** Tensors of the model's inputs or of slices before. */
  inputs: readonly string[];
  /** What slices behind it, or the model's caller, want of it. */
  outputs: readonly string[];
}

/** More would be a graph cut across rather than at a waist. */
const CROSSING_MAX = 4;

/**
 * Divides a sorted graph into slices of about `sliceBytes` of weights, each cut where the fewest tensors cross. Only
 * one larger tensor, or a stretch without a place to cut, makes a slice larger.
 */
export function planSlices(model: ModelProto, sliceBytes: number): Slice[] {
  const graph = new Graph(model);
  const crossing = crossings(graph);
  const bytes = graph.nodes.map((node) => weightBytes(graph, node));
  const ends: number[] = [];
  let start = 0;
  while (start < graph.nodes.length) {
    start = endOf(start, { bytes, crossing, sliceBytes });
    ends.push(start);
  }
  return ends.map((end, i) => sliceOf(graph, ends[i - 1] ?? 0, end));
}

interface Course {
  /** Of each node's weights. */
  bytes: readonly number[];
  /** How many tensors are alive behind each node. */
  crossing: readonly number[];
  sliceBytes: number;
}

/** The place behind the last node of the slice that begins at `start`: the narrowest that keeps it small enough. */
function endOf(start: number, { bytes, crossing, sliceBytes }: Course): number {
  let sum = 0;
  let best: number | undefined;
  for (let i = start; i < bytes.length; i++) {
    sum += bytes[i] ?? 0;
    if (sum > sliceBytes && best !== undefined) return best;
    const width = crossing[i] ?? 0;
    const isNarrow = width <= (best === undefined ? CROSSING_MAX : (crossing[best - 1] ?? 0));
    if (isNarrow && sum >= sliceBytes / 2) best = i + 1;
  }
  return bytes.length;
}

/** How many tensors are alive between each node and the next. */
function crossings(graph: Graph): number[] {
  const lastRead = new Map<string, number>();
  for (const [i, node] of graph.nodes.entries()) for (const name of readsOf(node)) lastRead.set(name, i);
  const alive = new Set<string>();
  return graph.nodes.map((node, i) => {
    for (const name of node.output) alive.add(name);
    for (const name of alive) if ((lastRead.get(name) ?? 0) <= i) alive.delete(name);
    return alive.size;
  });
}

function weightBytes(graph: Graph, node: NodeProto): number {
  const weights = [...readsOf(node)].flatMap((name) => graph.initializer(name) ?? []);
  return weights.reduce((sum, tensor) => sum + sizeBytes(tensor), 0);
}

function sliceOf(graph: Graph, start: number, end: number): Slice {
  const nodes = graph.nodes.slice(start, end);
  const made = new Set(nodes.flatMap(({ output }) => output));
  const reads = new Set(nodes.flatMap((node) => [...readsOf(node)]));
  const later = new Set(graph.nodes.slice(end).flatMap((node) => [...readsOf(node)]));
  const isComputed = (name: string) => graph.inputs.includes(name) || graph.producer(name) !== undefined;
  return {
    nodes,
    inputs: [...reads].filter((name) => !made.has(name) && isComputed(name)),
    outputs: [...made].filter((name) => name !== "" && (later.has(name) || graph.isOutput(name))),
  };
}

/** The slice as a model of its own; `infoOf` says of which type and rank a tensor is that crosses a cut. */
export function sliceModel(
  model: ModelProto,
  { inputs, nodes, outputs }: Slice,
  infoOf: (name: string) => ValueInfoProto,
): ModelProto {
  const reads = new Set(nodes.flatMap((node) => [...readsOf(node)]));
  const isRead = ({ name }: TensorProto) => reads.has(name);
  return withGraph(model, {
    node: [...nodes],
    initializer: (model.graph?.initializer ?? []).filter(isRead),
    sparseInitializer: (model.graph?.sparseInitializer ?? []).filter(({ values }) =>
      reads.has(values?.name ?? ""),
    ),
    input: inputs.map(infoOf),
    output: outputs.map(infoOf),
    valueInfo: [],
  });
}
