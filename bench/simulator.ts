import { type Bench, least, type Result } from "./bench.ts";
import { type Cell, cells, DEADLINE_MS } from "./simulator/cells.ts";
import type { Outcome } from "./simulator/simulate.ts";

/** In share of all arrivals. */
const WITHIN_POINTS = 1;
const P99_RATIO = 1.05;
const IN_DEADLINE: Readonly<Record<number, number>> = { 0.8: 99, 0.9: 97 };

/** The scheduler's own planner under a virtual clock, against the policies of others, on the same arrivals. */
export const simulator: Bench = {
  name: "simulator",
  async run({ quick }) {
    return cells(quick ? 20_000 : 300_000).flatMap((cell) => [...rows(cell), ...deadline(cell)]);
  },
};

function rows({ name, outcomes: all }: Cell): Result[] {
  const { ours, ...others } = all;
  if (!ours) return [];
  const best = Math.max(...Object.values(others).map(({ inDeadline }) => inDeadline));
  // Behind its deadline an answer is worth as little as none, so that late and dropped ones count alike.
  const capped = ({ p99Ms }: Outcome) => Math.min(p99Ms, DEADLINE_MS);
  const [ownMs, p99Ms] = [capped(ours), Math.min(...Object.values(others).map(capped))];
  return [
    {
      ...{ case: `${name}: in deadline, against the best`, unit: "%", ours: ours.inDeadline * 100 },
      ...{ theirs: best * 100, ratio: ours.inDeadline / best, goal: `≥ ${100 - WITHIN_POINTS} % of it` },
      ok: (best - ours.inDeadline) * 100 <= WITHIN_POINTS,
    },
    {
      ...{ case: `${name}: p99, late and dropped ones as the deadline`, unit: "ms", ours: ownMs },
      ...{ theirs: p99Ms, ratio: p99Ms / ownMs, goal: `≤ ${P99_RATIO}× of the best` },
      ok: ownMs <= P99_RATIO * p99Ms,
    },
  ];
}

function deadline({ isPoisson, curve, load, name, outcomes: { ours } }: Cell): Result[] {
  const goal = curve === "cpu" && isPoisson ? IN_DEADLINE[load] : undefined;
  return goal && ours ? [least(`${name}: in deadline`, "%", ours.inDeadline * 100, goal)] : [];
}
