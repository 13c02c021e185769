import { describe, expect, test } from "vitest";
import { type Arrival, bursts, cameras, poisson, recorded } from "../../../bench/simulator/arrivals.ts";
import { POLICIES } from "../../../bench/simulator/policies.ts";
import { simulate } from "../../../bench/simulator/simulate.ts";
import type { Cost, Waiting } from "../../../runtime/scheduler/plan-batch.ts";
import { randomFrom } from "../../fuzz/random.ts";

/** `SIGHTLINE_EVENTS=10000000` for the long run. */
const EVENTS = Number(process.env.SIGHTLINE_EVENTS ?? 200_000);
const ROUND = 20_000;
const ours = POLICIES.ours ?? (() => ({ batch: [], drops: [], rest: [] }));
const seeds = [1, Math.floor(Math.random() * 2 ** 32)];

/** A setting of any kind: curves, loads, deadlines, beats. */
function settingOf(random: () => number) {
  const cost: Cost = { baseMs: random() * 8, perItemMs: 0.2 + random() * 5 };
  const maxBatch = 1 + Math.floor(random() * 16);
  const capacity = maxBatch / (cost.baseMs + maxBatch * cost.perItemMs);
  const ratePerMs = capacity * (0.2 + random());
  const fps = 5 + random() * 55;
  const kinds: (() => Arrival[])[] = [
    () => poisson(ROUND, ratePerMs, random),
    () => bursts(ROUND, { ratePerMs, size: 1 + Math.floor(random() * 40) }, random),
    () => {
      const count = Math.max(1, Math.round((ratePerMs * 1_000) / fps));
      return cameras(ROUND, { cameras: count, fps, jitterMs: (random() * 1_000) / fps }, random);
    },
  ];
  const arrivals = kinds[Math.floor(random() * kinds.length)]?.() ?? [];
  const deadlineMs = random() < 0.2 && ratePerMs < capacity ? undefined : 5 + random() * 200;
  return { arrivals, cost, maxBatch, deadlineMs };
}

test.each(seeds)(
  "nothing is lost or run twice, and none of a camera passes another, seed %d",
  (seed) => {
    const random = randomFrom(seed);
    for (let events = 0; events < EVENTS; events += ROUND) {
      const setting = settingOf(random);
      const ran = new Set<number>();
      const last = new Map<number, number>();
      const watch = (batch: readonly Waiting[]) => {
        if (batch.length > setting.maxBatch) throw new Error(`a batch of ${batch.length}`);
        for (const { order } of batch) {
          if (ran.has(order)) throw new Error(`${order} ran twice`);
          ran.add(order);
        }
      };
      const { drops, inDeadline } = simulate(ours, setting, (batch) => {
        watch(batch);
        if (setting.deadlineMs === undefined) return;
        for (const { order } of batch.toSorted((a, b) => a.order - b.order)) {
          const camera = setting.arrivals[order]?.camera ?? 0;
          if (order < (last.get(camera) ?? -1)) throw new Error(`${order} was passed by ${last.get(camera)}`);
          last.set(camera, order);
        }
      });
      expect(ran.size + drops).toBe(setting.arrivals.length);
      // What runs at all is in time: the curve is known here.
      expect(inDeadline * setting.arrivals.length).toBeCloseTo(ran.size, 6);
    }
  },
  600_000,
);

describe("a seed repeats a run", () => {
  test.each(Object.entries(POLICIES))("%s", (_, policy) => {
    const run = () => {
      const arrivals = poisson(2_000, 0.15, randomFrom(5));
      return simulate(policy, {
        arrivals,
        cost: { baseMs: 0.6, perItemMs: 4.8 },
        maxBatch: 8,
        deadlineMs: 50,
      });
    };
    expect(run()).toEqual(run());
    expect(run().inDeadline).toBeGreaterThan(0.5);
  });
});

describe("recorded arrivals", () => {
  test("are times with or without a camera, or the batches of a trace", () => {
    expect(recorded("100\n103.5, 2\n\n110 1\n")).toEqual([
      { atMs: 0, camera: 0 },
      { atMs: 3.5, camera: 2 },
      { atMs: 10, camera: 1 },
    ]);
    const batch = (startedMs: number, queuedMs: number, size: number) =>
      JSON.stringify({ model: "m", slot: 0, startedMs, queuedMs, size });
    expect(recorded(`${batch(50, 5, 2)}\n${batch(47, 7, 1)}`).map(({ atMs }) => atMs)).toEqual([0, 5, 5]);
    expect(() => recorded("1\nsoon\n")).toThrow("line 2");
  });
});
