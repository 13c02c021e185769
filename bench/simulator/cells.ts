import { randomFrom } from "../../test/support/models.ts";
import { type Arrival, cameras, poisson } from "./arrivals.ts";
import { POLICIES } from "./policies.ts";
import { type Outcome, type Setting, simulate } from "./simulate.ts";

const SEED = 7;
export const DEADLINE_MS = 50;
const MAX_BATCH = 8;
const CURVES = { cpu: { baseMs: 0.6, perItemMs: 4.8 }, gpu: { baseMs: 4, perItemMs: 1 } };
const LOADS = [0.3, 0.6, 0.8, 0.9, 0.95];

export interface Cell {
  name: string;
  curve: Curve;
  load: number;
  isPoisson: boolean;
  outcomes: Record<string, Outcome>;
}

type Curve = keyof typeof CURVES;

/** Both curves at every load, and cameras on the slower one. */
export function cells(count: number): Cell[] {
  const curves = ["cpu", "gpu"] as const;
  const all = curves.flatMap((curve) => LOADS.map((load) => cell(curve, load, count)));
  return [...all, camerasCell(count)];
}

/** What came once, on both curves. */
export function recordedCells(arrivals: readonly Arrival[]): Pick<Cell, "name" | "outcomes">[] {
  return (["cpu", "gpu"] as const).map((curve) => {
    const setting = { arrivals, cost: CURVES[curve], deadlineMs: DEADLINE_MS, maxBatch: MAX_BATCH };
    return { name: `${curve}, as recorded`, outcomes: outcomes(setting) };
  });
}

function cell(curve: Curve, load: number, count: number): Cell {
  const cost = CURVES[curve];
  const capacity = MAX_BATCH / (cost.baseMs + MAX_BATCH * cost.perItemMs);
  const arrivals = poisson(count, load * capacity, randomFrom(SEED));
  const setting = { arrivals, cost, deadlineMs: DEADLINE_MS, maxBatch: MAX_BATCH };
  return { name: `${curve}, Poisson at ${load}`, curve, load, isPoisson: true, outcomes: outcomes(setting) };
}

/** As many 30 fps cameras as give about 0.6 of the processor's capacity. */
function camerasCell(count: number): Cell {
  const arrivals = cameras(count, { cameras: 4, fps: 30, jitterMs: 2 }, randomFrom(SEED));
  const setting = { arrivals, cost: CURVES.cpu, deadlineMs: DEADLINE_MS, maxBatch: MAX_BATCH };
  return {
    name: "cpu, four cameras at 30 fps",
    curve: "cpu",
    load: 0.6,
    isPoisson: false,
    outcomes: outcomes(setting),
  };
}

const outcomes = (setting: Setting): Record<string, Outcome> =>
  Object.fromEntries(Object.entries(POLICIES).map(([name, policy]) => [name, simulate(policy, setting)]));
