import { SightlineError } from "../../runtime/base/errors.ts";
import { formatBytes } from "../../runtime/base/units.ts";
import { type PlanInput, SpanCosts, type StageCost } from "./costs.ts";
import type { Cut } from "./liveness.ts";

/** How many stages there are to be, or how much memory a stage may take while the next is being loaded. */
export type PlanRequest = { stages: number } | { budgetBytes: number };

/** Of the widest cut's share: as much as a stage of a quarter of the weights. */
const CROSSING_SHARE = 1 / 4;

/** More would be a file an operator. */
const MAX_STAGES = 64;

/**
 * The cuts to make, in order, by dynamic programming over the places where one may. Of all ways with the wanted
 * number of stages, or the fewest that keep within the budget, it is the one with the smallest sum over the stages
 * of squared shares of weights and of time, and over the cuts of squared crossing bytes: equal stages, narrow cuts.
 * The budget holds for each stage's weights and activations with the next stage's weights, which may be loaded
 * meanwhile. Errors: ERR_MODEL_SPLIT.
 */
export function planCuts(input: PlanInput, request: PlanRequest): Cut[] {
  const { cuts, flow } = input;
  const places = [0, ...cuts.map(({ at }) => at), flow.steps.length];
  const costs = new SpanCosts(input, places);
  const budgetBytes = "budgetBytes" in request ? request.budgetBytes : Number.POSITIVE_INFINITY;
  const limit = "stages" in request ? request.stages : Math.min(MAX_STAGES, cuts.length + 1);
  if (limit > cuts.length + 1 || limit > MAX_STAGES || limit < 1) throw tooMany(limit, cuts.length);
  let ways = firstStages(costs, budgetBytes);
  for (let stages = 1; ; stages++) {
    const isWanted = "budgetBytes" in request || stages === limit;
    const found = isWanted ? best(ways, costs) : undefined;
    if (found) return cutsOn(found, cuts);
    if (stages === limit) throw tooSmall(costs, budgetBytes);
    ways = oneStageMore(ways, costs, { budgetBytes, cuts });
  }
}

/** The stages up to place `to`, the last of them from `from`; both are indices into the list of places. */
interface Way {
  from: number;
  to: number;
  last: StageCost;
  cost: number;
  before?: Way;
}

function firstStages(costs: SpanCosts, budgetBytes: number): Way[] {
  return Array.from({ length: costs.places - 1 }, (_, i) => {
    const last = costs.stage(0, i + 1);
    return { from: 0, to: i + 1, last, cost: last.share };
  }).filter(({ last }) => last.bytes <= budgetBytes);
}

/** The cheapest way for each last stage: a budget joins two neighbours, so both of its ends must be told apart. */
function oneStageMore(
  ways: readonly Way[],
  costs: SpanCosts,
  { budgetBytes, cuts }: { budgetBytes: number; cuts: readonly Cut[] },
): Way[] {
  const widest = Math.max(1, ...cuts.map(({ bytes }) => bytes));
  const longer = new Map<number, Way>();
  for (const before of ways) {
    const crossing = (((cuts[before.to - 1]?.bytes ?? 0) / widest) * CROSSING_SHARE) ** 2;
    for (let to = before.to + 1; to < costs.places; to++) {
      const last = costs.stage(before.to, to);
      if (last.bytes > budgetBytes || before.last.bytes + last.weightBytes > budgetBytes) continue;
      const cost = before.cost + last.share + crossing;
      const key = before.to * costs.places + to;
      if (cost < (longer.get(key)?.cost ?? Number.POSITIVE_INFINITY))
        longer.set(key, { from: before.to, to, last, cost, before });
    }
  }
  return [...longer.values()];
}

const best = (ways: readonly Way[], costs: SpanCosts): Way | undefined =>
  ways.filter(({ to }) => to === costs.places - 1).toSorted((a, b) => a.cost - b.cost)[0];

function cutsOn(way: Way, cuts: readonly Cut[]): Cut[] {
  const cut = cuts[way.from - 1];
  return [...(way.before ? cutsOn(way.before, cuts) : []), ...(cut ? [cut] : [])];
}

const tooMany = (stages: number, cuts: number): SightlineError =>
  new SightlineError(
    "ERR_MODEL_SPLIT",
    `${stages} stages are not possible, only 1 to ${Math.min(MAX_STAGES, cuts + 1)}`,
  );

/** Dividing it everywhere needs the least: joining neighbours never makes a stage smaller. */
function tooSmall(costs: SpanCosts, budgetBytes: number): SightlineError {
  const stages = Array.from({ length: costs.places - 1 }, (_, i) => costs.stage(i, i + 1));
  const needed = stages.map(({ bytes }, i) => bytes + (stages[i + 1]?.weightBytes ?? 0));
  const message = `a budget of ${formatBytes(budgetBytes)} is not possible: even in ${stages.length} stages one takes`;
  return new SightlineError(
    "ERR_MODEL_SPLIT",
    `${message} ${formatBytes(Math.max(...needed))} with the weights of the next`,
  );
}
