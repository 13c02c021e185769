import { ArrivalRate } from "../../runtime/scheduler/arrival-rate.ts";
import type { Cost, Waiting } from "../../runtime/scheduler/plan-batch.ts";
import type { Arrival } from "./arrivals.ts";
import type { Policy } from "./policies.ts";

export interface Setting {
  arrivals: readonly Arrival[];
  cost: Cost;
  maxBatch: number;
  /** From arrival to answer. */
  deadlineMs: number | undefined;
}

export interface Outcome {
  p50Ms: number;
  /** Of all arrivals, as the median is; one that was dropped is never answered: Infinity. */
  p99Ms: number;
  /** Of all arrivals; what was dropped is late. */
  inDeadline: number;
  drops: number;
  batches: number;
}

/** As many may wait; one more is dropped. No policy that keeps up comes near it. */
const QUEUE_MAX = 2_000;

/** One executor, a virtual clock, and a policy that decides whenever the executor is idle. */
export function simulate(
  policy: Policy,
  setting: Setting,
  watch?: (batch: readonly Waiting[]) => void,
): Outcome {
  const { arrivals, cost, deadlineMs, maxBatch } = setting;
  const latencies: number[] = [];
  let queue: Waiting[] = [];
  let [next, nowMs, drops, batches, inTime] = [0, 0, 0, 0, 0];
  const rate = new ArrivalRate();
  const drop = (count: number) => {
    drops += count;
    for (let i = 0; i < count; i++) latencies.push(Number.POSITIVE_INFINITY);
  };
  const admit = () => {
    for (let each = arrivals[next]; each && each.atMs <= nowMs; each = arrivals[next]) {
      const due = deadlineMs === undefined ? undefined : each.atMs + deadlineMs;
      rate.observe(each.atMs);
      const request = { order: next++, arrivedMs: each.atMs, deadlineMs: due };
      if (queue.length < QUEUE_MAX) queue.push(request);
      else drop(1);
    }
  };
  while (next < arrivals.length || queue.length > 0) {
    admit();
    const comingMs = arrivals[next]?.atMs ?? Number.POSITIVE_INFINITY;
    if (queue.length === 0) {
      nowMs = comingMs;
      continue;
    }
    const plan = policy(queue, { nowMs, cost, maxBatch, ratePerMs: rate.perMs });
    drop(plan.drops.length);
    queue = plan.rest;
    if (plan.batch.length === 0) {
      if (plan.untilMs !== undefined) nowMs = Math.min(comingMs, Math.max(plan.untilMs, nowMs + 1e-6));
      continue;
    }
    nowMs += cost.baseMs + plan.batch.length * cost.perItemMs;
    batches++;
    watch?.(plan.batch);
    for (const { arrivedMs, deadlineMs: due } of plan.batch) {
      latencies.push(nowMs - arrivedMs);
      if (due === undefined || nowMs <= due) inTime++;
    }
  }
  const sorted = Float64Array.from(latencies).sort();
  const at = (quantile: number) => sorted[Math.floor(quantile * sorted.length)] ?? Number.NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99), inDeadline: inTime / arrivals.length, drops, batches };
}
