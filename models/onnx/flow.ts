import { constantOf } from "./derive.ts";
import { elementType, packedBytes } from "./element-types.ts";
import { type Graph, readsOf } from "./graph.ts";
import type { NodeProto, TensorProto } from "./proto/onnx_pb.js";
import { elementCount } from "./tensor.ts";

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
  return { graph, steps: inNarrowOrder(graph, steps), free };
}

/**
 * Runs a step as soon as it can where it leaves no more tensors alive than it takes away: outputs that exporters
 * list at the end would else keep tensors alive across the whole graph.
 */
function inNarrowOrder(graph: Graph, steps: readonly Step[]): Step[] {
  const readers = new Map<string, Set<Step>>();
  for (const step of steps) {
    for (const name of step.reads) readers.set(name, (readers.get(name) ?? new Set()).add(step));
  }
  const made = new Set(graph.inputs);
  const order = new Set<Step>();
  const run = (step: Step): void => {
    order.add(step);
    for (const name of step.reads) readers.get(name)?.delete(step);
    for (const name of step.node.output) made.add(name);
  };
  const isNarrow = ({ node, reads }: Step): boolean => {
    const gone = [...reads].filter((name) => readers.get(name)?.size === 1).length;
    return node.output.filter((name) => readers.has(name)).length <= gone;
  };
  const canRun = (step: Step): boolean => !order.has(step) && [...step.reads].every((name) => made.has(name));
  for (const first of steps) {
    const next = [first];
    for (const step of next) {
      if (!canRun(step) || (step !== first && !isNarrow(step))) continue;
      run(step);
      const touched = [...step.node.output, ...step.reads];
      next.push(...touched.flatMap((name) => [...(readers.get(name) ?? [])]));
    }
  }
  return [...order];
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
