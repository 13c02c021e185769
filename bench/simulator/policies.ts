import { type Cost, planBatch, type Waiting } from "../../runtime/scheduler/plan-batch.ts";

/** What an idle executor does: a batch that goes now, or a time to look again. */
export interface Decision {
  batch: Waiting[];
  drops: Waiting[];
  rest: Waiting[];
  untilMs?: number | undefined;
}

export interface Situation {
  nowMs: number;
  cost: Cost;
  maxBatch: number;
  /** Arrivals in a millisecond, lately. */
  ratePerMs: number | undefined;
}

export type Policy = (queue: readonly Waiting[], situation: Situation) => Decision;

const taking = (queue: readonly Waiting[], size: number): Decision => ({
  batch: queue.slice(0, size),
  drops: [],
  rest: queue.slice(size),
});

const ours: Policy = (queue, { nowMs, ...policy }) => planBatch(queue, nowMs, policy);

/** Whatever waits, in the order in which it came. */
const greedy: Policy = (queue, { maxBatch }) => taking(queue, maxBatch);

const single: Policy = (queue) => taking(queue, 1);

/** Triton's dynamic batcher: holds until the batch is full or its first request has waited `delayMs`. */
const timer =
  (delayMs: number): Policy =>
  (queue, { maxBatch, nowMs }) => {
    const untilMs = (queue[0]?.arrivedMs ?? 0) + delayMs;
    if (queue.length >= maxBatch || nowMs >= untilMs) return taking(queue, maxBatch);
    return { batch: [], drops: [], rest: [...queue], untilMs };
  };

const newestFirst: Policy = (queue, { maxBatch }) => taking(queue.toReversed(), maxBatch);

/**
 * BentoML's dispatcher (CORK): newest first; waits while the wait of n requests for one more, at the rate of late, is less
 * than their mean wait; sheds what would be late.
 */
const bento: Policy = (queue, { cost, maxBatch, nowMs, ratePerMs = 0 }) => {
  const { baseMs, perItemMs } = cost;
  const isLate = ({ deadlineMs = Number.POSITIVE_INFINITY }: Waiting) =>
    nowMs + baseMs + perItemMs >= deadlineMs;
  const alive = queue.filter((each) => !isLate(each));
  const drops = queue.filter(isLate);
  const [first] = alive;
  const n = Math.min(alive.length, maxBatch);
  const gapMs = 1 / ratePerMs;
  const meanWaitMs = baseMs + n * perItemMs;
  if (first && n < maxBatch && n * (gapMs + perItemMs) <= 0.95 * (nowMs - first.arrivedMs + meanWaitMs)) {
    const waits = nowMs - first.arrivedMs < gapMs;
    if (waits) return { batch: [], drops, rest: alive, untilMs: nowMs + 1 };
  }
  return { ...taking(alive.toReversed(), maxBatch), drops };
};

export const POLICIES: Readonly<Record<string, Policy>> = {
  ours,
  greedy,
  "one by one": single,
  "timer 5 ms": timer(5),
  "timer 20 ms": timer(20),
  bento,
  "newest first": newestFirst,
};
