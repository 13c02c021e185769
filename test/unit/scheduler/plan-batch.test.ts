import { describe, expect, test } from "vitest";
import { type BatchPolicy, planBatch, type Waiting } from "../../../runtime/scheduler/plan-batch.ts";

const waiting = (order: number, deadlineMs?: number): Waiting => ({ order, arrivedMs: 0, deadlineMs });
const orders = (requests: Waiting[]) => requests.map((r) => r.order);

test.each([
  { what: "nothing waits", queue: [], batch: [], drops: [], rest: [] },
  {
    what: "no deadlines: first come, first served",
    queue: [waiting(1), waiting(0)],
    batch: [0],
    drops: [],
    rest: [1],
  },
  {
    what: "earliest deadline first",
    queue: [waiting(0, 90), waiting(1, 50)],
    batch: [1],
    drops: [],
    rest: [0],
  },
  { what: "a deadline before none", queue: [waiting(0), waiting(1, 99)], batch: [1], drops: [], rest: [0] },
  {
    what: "equal deadlines: by arrival",
    queue: [waiting(5, 50), waiting(4, 50)],
    batch: [4],
    drops: [],
    rest: [5],
  },
  {
    what: "the late are dropped",
    queue: [waiting(0, 9), waiting(1, 50)],
    batch: [1],
    drops: [0],
    rest: [],
  },
  { what: "a deadline of now is late", queue: [waiting(0, 10)], batch: [], drops: [0], rest: [] },
])("$what", ({ batch, drops, queue, rest }) => {
  const plan = planBatch(queue, 10, { maxBatch: 1 });
  expect({ batch: orders(plan.batch), drops: orders(plan.drops), rest: orders(plan.rest) }).toEqual({
    batch,
    drops,
    rest,
  });
});

test("a batch takes the most urgent up to its size, and leaves the queue as it was", () => {
  const queue = [waiting(0, 90), waiting(1, 50), waiting(2, 70)];
  const plan = planBatch(queue, 10, { maxBatch: 2 });
  expect(orders(plan.batch)).toEqual([1, 2]);
  expect(orders(plan.rest)).toEqual([0]);
  expect(orders(queue)).toEqual([0, 1, 2]);
});

const CPU = { baseMs: 0.6, perItemMs: 4.8 };
const JETSON = { baseMs: 4, perItemMs: 1 };
const all = (count: number, deadlineMs?: number) =>
  Array.from({ length: count }, (_, i) => waiting(i, deadlineMs));
const decided = (queue: Waiting[], policy: Partial<BatchPolicy>) => {
  const { batch, drops, reason, rest, untilMs } = planBatch(queue, 0, { maxBatch: 8, ...policy });
  return { size: batch.length, dropped: drops.length, left: rest.length, reason, untilMs };
};

describe("with a known cost", () => {
  test("what cannot make its deadline is dropped before it runs", () => {
    const queue = [waiting(0, 5.3), waiting(1, 5.4), waiting(2, 30)];
    expect(decided(queue, { cost: CPU })).toMatchObject({ dropped: 1, size: 1, reason: "deadline" });
  });

  test("a batch is as large as the most urgent deadline allows", () => {
    expect(decided(all(8, 20), { cost: CPU })).toMatchObject({ size: 4, left: 4, reason: "deadline" });
    expect(decided(all(9, 100), { cost: CPU })).toMatchObject({ size: 8, left: 1, reason: "full" });
    expect(decided(all(3, 100), { cost: CPU })).toMatchObject({ size: 3, left: 0, reason: "all" });
    expect(decided(all(8), { cost: CPU })).toMatchObject({ size: 8, reason: "all" });
  });

  test.each([
    { ratePerMs: 0.05, size: 1 },
    { ratePerMs: 0.15, size: 3 },
    // No size keeps up: the cap is lifted.
    { ratePerMs: 0.2, size: 8 },
    { ratePerMs: undefined, size: 8 },
  ])(
    "where runs cost little besides their requests, batches stay small at $ratePerMs",
    ({ ratePerMs, size }) => {
      expect(decided(all(8), { cost: CPU, ratePerMs })).toMatchObject({ size });
      expect(decided(all(8), { cost: JETSON, ratePerMs })).toMatchObject({ size: 8 });
    },
  );

  test("waits for the next one only where all gain by it, and all are in time", () => {
    expect(decided(all(1), { cost: JETSON, nextArrivalMs: 1.4 })).toMatchObject({
      size: 0,
      left: 1,
      reason: "wait",
      untilMs: 1.4,
    });
    expect(decided(all(1), { cost: JETSON, nextArrivalMs: 1.6 })).toMatchObject({ size: 1, reason: "all" });
    expect(decided(all(2), { cost: JETSON, nextArrivalMs: 1 })).toMatchObject({ size: 2 });
    expect(decided(all(1), { cost: CPU, nextArrivalMs: 0.1 })).toMatchObject({ size: 1 });
    expect(decided(all(1, 7), { cost: JETSON, nextArrivalMs: 1.4 })).toMatchObject({ size: 1 });
  });

  test("one without a deadline is passed by others for a second, and no longer", () => {
    const patient = waiting(0);
    const first = (deadlineMs: number) =>
      planBatch([patient, waiting(1, deadlineMs)], 900, { maxBatch: 1 }).batch;
    expect(orders(first(950))).toEqual([1]);
    expect(orders(first(1_050))).toEqual([0]);
  });
});
