import type { Flow } from "../../models/onnx/flow.ts";
import type { Cut } from "./liveness.ts";

export interface PlanInput {
  flow: Flow;
  cuts: readonly Cut[];
  activeBytes: readonly number[];
  /** By the tensor that a step makes. */
  durationUs: ReadonlyMap<string, number>;
}

export interface StageCost {
  weightBytes: number;
  /** Weights, and the most that is alive at once while it runs. */
  bytes: number;
  /** (Weights ÷ all weights)² + (time ÷ all time)². */
  share: number;
}

/** What a stage between two places costs; each is looked up often, so all are computed at once. */
export class SpanCosts {
  /** How many places there are, the beginning and the end among them. */
  readonly places: number;
  readonly #rows: readonly (readonly StageCost[])[];

  constructor(input: PlanInput, places: readonly number[]) {
    this.places = places.length;
    const whole = rowFrom(0, input, [places[0] ?? 0, places.at(-1) ?? 0])[0] ?? { weightBytes: 0, us: 0 };
    this.#rows = places
      .slice(0, -1)
      .map((_, i) => rowFrom(i, input, places).map((span) => withShare(span, whole)));
  }

  stage(from: number, to: number): StageCost {
    const cost = this.#rows[from]?.[to - from - 1];
    if (cost === undefined) throw new RangeError(`there is no stage from ${from} to ${to}`);
    return cost;
  }
}

interface Span {
  weightBytes: number;
  activeBytes: number;
  us: number;
}

/** The spans from place `first` to each later one. A weight that several steps read stands in a stage once. */
function rowFrom(first: number, input: PlanInput, places: readonly number[]): Span[] {
  const { flow, activeBytes, durationUs } = input;
  const seen = new Set<string>();
  const span: Span = { weightBytes: 0, activeBytes: 0, us: 0 };
  let step = places[first] ?? 0;
  return places.slice(first + 1).map((end) => {
    for (; step < end; step++) {
      for (const [name, bytes] of flow.steps[step]?.weights ?? []) {
        if (!seen.has(name)) span.weightBytes += bytes;
        seen.add(name);
      }
      span.activeBytes = Math.max(span.activeBytes, activeBytes[step] ?? 0);
      for (const name of flow.steps[step]?.node.output ?? []) span.us += durationUs.get(name) ?? 0;
    }
    return { ...span };
  });
}

function withShare(
  { weightBytes, activeBytes, us }: Span,
  whole: { weightBytes: number; us: number },
): StageCost {
  const share = (weightBytes / Math.max(1, whole.weightBytes)) ** 2 + (us / Math.max(1, whole.us)) ** 2;
  return { weightBytes, bytes: weightBytes + activeBytes, share };
}

/** Of the first steps; a weight that several read counts once. */
export function weightBytesBefore({ steps }: Flow, at: number): number {
  const weights = new Map(steps.slice(0, at).flatMap((step) => [...step.weights]));
  return [...weights.values()].reduce((sum, bytes) => sum + bytes, 0);
}
