import type { Flow } from "./flow.ts";
import type { MeasuredTensor } from "./shapes.ts";

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
export function cutsOf(
  flow: Flow,
  shapes: ReadonlyMap<string, MeasuredTensor>,
  isWhole: (tensor: string) => boolean,
): Cut[] {
  return crossings(flow).flatMap((tensors, i): Cut[] => {
    const isCut = tensors.length > 0 && tensors.length <= MAX_TENSORS && tensors.every(isWhole);
    return isCut ? [{ at: i + 1, tensors, bytes: sumBytes(tensors, shapes) }] : [];
  });
}

/** Bytes that are alive while each step runs: what it reads and makes, and what waits for a later step. */
export function activeBytes(flow: Flow, shapes: ReadonlyMap<string, MeasuredTensor>): number[] {
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

const sumBytes = (names: Iterable<string>, shapes: ReadonlyMap<string, MeasuredTensor>): number =>
  [...names].reduce((sum, name) => sum + (shapes.get(name)?.bytes ?? 0), 0);
