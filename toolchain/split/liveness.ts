import type { Flow } from "../../models/onnx/flow.ts";
import type { Shapes } from "./shapes.ts";

/** A place between two steps. */
export interface Cut {
  /** The first step behind it; 1 to one less than there are steps. */
  at: number;
  /** What steps before it make and steps behind it read, in the order in which it is made. */
  tensors: readonly string[];
  bytes: number;
}

/** More would be a graph cut across rather than at a waist. */
const MAX_TENSORS = 6;

/**
 * Where a chain of stages may be divided: where at most 6 tensors cross, all of which `isWhole` accepts. The model's
 * inputs do not count: whoever runs the stages holds them.
 */
export function cutsOf(flow: Flow, shapes: Shapes, isWhole: (tensor: string) => boolean): Cut[] {
  return crossings(flow).flatMap((tensors, i): Cut[] => {
    const isCut = tensors.length > 0 && tensors.length <= MAX_TENSORS && tensors.every(isWhole);
    if (!isCut || isInsideFusion(flow, i + 1, tensors)) return [];
    return [{ at: i + 1, tensors, bytes: sumBytes(tensors, shapes) }];
  });
}

/** Operators that may become the tail of a convolution or a matrix product. */
const TAILS = new Set(["Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid", "BatchNormalization"]);

const AVERAGES = new Set(["AveragePool", "GlobalAveragePool"]);

/**
 * On some CPUs a convolution takes in more than the saved graph shows: its activation, and an addition of two of its
 * kind, which then adds in another order. And an average over its own layout is not summed as one over the usual
 * layout (https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/core/optimizer/nchwc_transformer.cc).
 */
function isInsideFusion({ graph, steps }: Flow, at: number, tensors: readonly string[]): boolean {
  const crossing = new Set(tensors);
  const readers = steps.slice(at).filter(({ node }) => node.input.some((name) => crossing.has(name)));
  return readers.some(({ node }) => {
    if (AVERAGES.has(node.opType)) return true;
    const sides = node.input.filter((name) => name !== "" && graph.initializer(name) === undefined);
    const isAlone = graph.consumers(node.input[0] ?? "").length === 1;
    return node.opType === "Add"
      ? sides.length === 2 && sides.every((name) => crossing.has(name))
      : TAILS.has(node.opType) && isAlone;
  });
}

/** Bytes that are alive while each step runs: what it reads and makes, and what waits for a later step. */
export function activeBytes(flow: Flow, shapes: Shapes): number[] {
  const crossing = crossings(flow);
  return flow.steps.map(({ node, reads }, i) =>
    sumBytes(new Set([...(crossing[i] ?? []), ...(crossing[i - 1] ?? []), ...reads, ...node.output]), shapes),
  );
}

/** Tensors that are alive between step i and the next. */
function crossings({ steps }: Flow): string[][] {
  const lastRead = new Map<string, number>();
  for (const [i, { reads }] of steps.entries()) for (const name of reads) lastRead.set(name, i);
  let alive: string[] = [];
  return steps.slice(0, -1).map(({ node }, i) => {
    alive = [...alive, ...node.output].filter((name) => (lastRead.get(name) ?? 0) > i);
    return alive;
  });
}

const sumBytes = (names: Iterable<string>, shapes: Shapes): number =>
  [...names].reduce((sum, name) => sum + (shapes.get(name)?.bytes ?? 0), 0);
