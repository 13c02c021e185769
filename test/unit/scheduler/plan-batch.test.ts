import { expect, test } from "vitest";
import { planBatch, type Waiting } from "../../../runtime/scheduler/plan-batch.ts";

const waiting = (order: number, deadlineNs?: bigint): Waiting => ({ order, deadlineNs });
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
    queue: [waiting(0, 90n), waiting(1, 50n)],
    batch: [1],
    drops: [],
    rest: [0],
  },
  { what: "a deadline before none", queue: [waiting(0), waiting(1, 99n)], batch: [1], drops: [], rest: [0] },
  {
    what: "equal deadlines: by arrival",
    queue: [waiting(5, 50n), waiting(4, 50n)],
    batch: [4],
    drops: [],
    rest: [5],
  },
  {
    what: "the late are dropped",
    queue: [waiting(0, 9n), waiting(1, 50n)],
    batch: [1],
    drops: [0],
    rest: [],
  },
  { what: "a deadline of now is late", queue: [waiting(0, 10n)], batch: [], drops: [0], rest: [] },
])("$what", ({ batch, drops, queue, rest }) => {
  const plan = planBatch(queue, 10n, { maxBatch: 1 });
  expect({ batch: orders(plan.batch), drops: orders(plan.drops), rest: orders(plan.rest) }).toEqual({
    batch,
    drops,
    rest,
  });
});

test("a batch takes the most urgent up to its size, and leaves the queue as it was", () => {
  const queue = [waiting(0, 90n), waiting(1, 50n), waiting(2, 70n)];
  const plan = planBatch(queue, 10n, { maxBatch: 2 });
  expect(orders(plan.batch)).toEqual([1, 2]);
  expect(orders(plan.rest)).toEqual([0]);
  expect(orders(queue)).toEqual([0, 1, 2]);
});
