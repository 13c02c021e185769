import { constantOf } from "../onnx/derive.ts";
import { elementType, packedBytes } from "../onnx/element-types.ts";
import { type Graph, readsOf } from "../onnx/graph.ts";
import type { NodeProto, TensorProto } from "../onnx/proto/onnx_pb.js";
import { elementCount } from "../onnx/tensor.ts";

/** A node that belongs to one stage. */
export interface Step {
  node: NodeProto;
  /** Tensors that it takes from the model's inputs or other steps, be it through nodes that come along. */
  reads: ReadonlySet<string>;
  /** Its weights' bytes by name. */
  weights: ReadonlyMap<string, number>;
}

/**
 * A graph as the steps that a cut divides, in the order in which they run. What depends on no input, and a
 * DequantizeLinear, is no step: each stage that reads it makes it anew. So what crosses a cut in a quantized model
 * are its 8-bit tensors, and ONNX Runtime finds in each stage the same groups of Q and DQ to fuse.
 */
export interface Flow {
  graph: Graph;
  steps: readonly Step[];
  /** Nodes that come along, by the tensor that they make. */
  free: ReadonlyMap<string, NodeProto>;
}

/** The graph must be sorted; `checkModel` does so. */
export function flowOf(graph: Graph): Flow {
  const fixed = fixedNodes(graph);
  const free = new Map<string, NodeProto>();
  const steps: Step[] = [];
  for (const node of graph.nodes) {
    if (comesAlong(graph, node, fixed)) for (const name of node.output) free.set(name, node);
    else steps.push(stepOf(graph, node, free));
  }
  return { graph, steps, free };
}

/** Nodes that give the same whatever the inputs are. */
function fixedNodes(graph: Graph): Set<NodeProto> {
  const fixed = new Set<NodeProto>();
  const isFixed = (name: string): boolean => {
    const producer = graph.producer(name);
    return producer ? fixed.has(producer) : graph.initializer(name) !== undefined;
  };
  for (const node of graph.nodes) {
    const isRandom = /^(Random|Bernoulli|Multinomial)/.test(node.opType);
    if (!isRandom && [...readsOf(node)].every(isFixed)) fixed.add(node);
  }
  return fixed;
}

const comesAlong = (graph: Graph, node: NodeProto, fixed: ReadonlySet<NodeProto>): boolean =>
  (fixed.has(node) || node.opType === "DequantizeLinear") &&
  !node.output.some((name) => graph.isOutput(name));

function stepOf(graph: Graph, node: NodeProto, free: ReadonlyMap<string, NodeProto>): Step {
  const reads = new Set<string>();
  const weights = new Map<string, number>();
  for (const { name, maker } of closure(readsOf(node), free)) {
    const tensor = graph.initializer(name) ?? (maker && constantOf(maker));
    if (tensor) weights.set(name, sizeBytes(tensor));
    else if (maker === undefined) reads.add(name);
  }
  return { node, reads, weights };
}

/** The tensors, and all that nodes that come along read to make them. */
export function closure(
  names: Iterable<string>,
  free: ReadonlyMap<string, NodeProto>,
): { name: string; maker: NodeProto | undefined }[] {
  const all = new Set(names);
  // The set grows while it is walked.
  for (const name of all) {
    const maker = free.get(name);
    if (maker) for (const read of readsOf(maker)) all.add(read);
  }
  return [...all].map((name) => ({ name, maker: free.get(name) }));
}

/** Strings, whose size no shape tells, are never many. */
export function sizeBytes(tensor: TensorProto): number {
  const type = elementType(tensor.dataType);
  return type ? packedBytes(elementCount(tensor), type) : 0;
}
