import type { Flow } from "./flow.ts";
import type { Shapes } from "./shapes.ts";

/** A place between two steps. */
export interface Cut {
  /** The first step behind it; 1 to one less than there are steps. */
  at: number;
  /** What steps before it make and steps behind it read, in the order in which it is made. */
  tensors: readonly string[];
  bytes: number;
  /** ONNX Runtime may fuse across it on some CPUs, which changes speed and the last bits of sums. */
  isRisky: boolean;
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
    if (!isCut) return [];
    return [{ at: i + 1, tensors, bytes: sumBytes(tensors, shapes), isRisky: isRisky(flow, i + 1, tensors) }];
  });
}

/** Operators that may become the tail of a convolution or a matrix product. */
const TAILS = new Set(["Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid", "BatchNormalization"]);

/**
 * A convolution takes in the activation behind it, and the addition of a residual: the addition starts from the
 * other sum, and that is another order of adding
 * (https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/core/optimizer/nchwc_transformer.cc).
 */
function isRisky({ graph, steps }: Flow, at: number, tensors: readonly string[]): boolean {
  const later = new Set(steps.slice(at).map(({ node }) => node));
  return tensors.some((name) => {
    const readers = graph.consumers(name).filter((node) => later.has(node));
    const isTail = readers.length === 1 && TAILS.has(readers[0]?.opType ?? "");
    return (
      isTail ||
      readers.some(({ opType, input }) => opType === "Add" && !input.some((i) => graph.initializer(i)))
    );
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
