/** What the planner knows of a waiting request. Times are of one monotonic clock, in milliseconds. */
export interface Waiting {
  /** Order of arrival, and the tie-break between equal deadlines. */
  readonly order: number;
  readonly arrivedMs: number;
  /** Undefined = useful however late. */
  readonly deadlineMs: number | undefined;
}

/** A run of b requests takes `baseMs` + b · `perItemMs`. */
export interface Cost {
  baseMs: number;
  perItemMs: number;
}

export interface BatchPolicy {
  /** Requests that one run may take, 1 or more. */
  maxBatch: number;
  /** Batches that may run side by side; left out: one. */
  instances?: number;
  /** Undefined before a run was measured: then any request may still make its deadline. */
  cost?: Cost | undefined;
  /** Arrivals in a millisecond, lately, where that is known. */
  ratePerMs?: number | undefined;
  /** When the next request arrives, where that is known: cameras have a beat. */
  nextArrivalMs?: number | undefined;
  /** Fixed sizes and a fixed delay, where somebody wants these rather than what the curve says. */
  hold?: Hold | undefined;
}

/** As Triton's dynamic batcher has it: until one of the sizes is there, or the first has waited for so long. */
export interface Hold {
  preferred: readonly number[];
  maxDelayMs: number;
}

/**
 * Why a batch has its size and goes now. `all`: nobody else waits. `full`: no run takes more. `deadline`: with one more
 * the most urgent would be late. `lean`: at this rate smaller ones answer sooner. `share`: the rest is for the slots beside it. `preferred`: one of the sizes that `hold`
 * wants. `wait`: the next one is so near that waiting for it is quicker for all, or `hold` says so. `none`: nobody waits.
 */
export type Reason = "all" | "full" | "deadline" | "lean" | "share" | "preferred" | "wait" | "none";

export interface Plan<T extends Waiting> {
  /** Goes to the idle instance now, most urgent first. */
  batch: T[];
  /** Can no longer make its deadline. */
  drops: T[];
  /** Stays queued. */
  rest: T[];
  reason: Reason;
  /** With `wait`: when to plan again, whether somebody came or not. */
  untilMs?: number;
}

/** As urgent as a request without a deadline becomes; so none waits for ever behind those that have one. */
const PATIENCE_MS = 1_000;
/** Utilisation up to which small batches keep up with what arrives. */
const LEAN_LOAD = 0.75;

/**
 * Decides what an idle instance does next. Pure: the same queue, time and policy give the same plan. Earliest deadline
 * first; a batch is as large as the most urgent deadline allows, and what can't make its own is dropped before it costs
 * others theirs. An idle instance waits only where the arithmetic says that everybody gains.
 */
export function planBatch<T extends Waiting>(
  queue: readonly T[],
  nowMs: number,
  policy: BatchPolicy,
): Plan<T> {
  const { cost = NO_COST } = policy;
  const soonestMs = nowMs + cost.baseMs + cost.perItemMs;
  const isHopeless = ({ deadlineMs }: T) =>
    deadlineMs !== undefined && (deadlineMs < soonestMs || deadlineMs <= nowMs);
  const drops = queue.filter(isHopeless);
  const alive = (drops.length > 0 ? queue.filter((each) => !isHopeless(each)) : [...queue]).sort(byUrgency);
  const first = firstOf(alive, nowMs, { ...policy, cost });
  const { reason, size, untilMs } = sizeOf(alive.slice(first), nowMs, { ...policy, cost });
  const rest = [...alive.slice(0, first), ...alive.slice(first + size)];
  const plan = { batch: alive.slice(first, first + size), drops, rest, reason };
  return untilMs === undefined ? plan : { ...plan, untilMs };
}

const NO_COST: Cost = { baseMs: 0, perItemMs: 0 };

interface Size {
  size: number;
  reason: Reason;
  untilMs?: number;
}

function sizeOf(alive: readonly Waiting[], nowMs: number, policy: BatchPolicy & { cost: Cost }): Size {
  const [head] = alive;
  if (!head) return { size: 0, reason: "none" };
  const { cost, hold, instances = 1, maxBatch } = policy;
  const leftMs = (head.deadlineMs ?? Number.POSITIVE_INFINITY) - nowMs;
  const limits: [number, Reason][] = [
    [alive.length, "all"],
    [maxBatch, "full"],
    hold ? [preferredSize(alive.length, hold), "preferred"] : [leanSize(policy), "lean"],
    [hold ? alive.length : Math.ceil(alive.length / instances), "share"],
    [cost.perItemMs > 0 ? Math.floor((leftMs - cost.baseMs) / cost.perItemMs) : maxBatch, "deadline"],
  ];
  const [size, reason] = limits.reduce((least, each) => (each[0] < least[0] ? each : least));
  if (reason === "all") {
    const untilMs = hold
      ? heldUntil(alive, nowMs, { hold, leftMs: leftMs - cost.baseMs - size * cost.perItemMs })
      : worthWaiting(size, { ...policy, leftMs, nowMs });
    if (untilMs !== undefined) return { size: 0, reason: "wait", untilMs };
  }
  return { size: Math.max(1, size), reason };
}

/**
 * The most urgent request that a batch may begin with. One that is almost late allows a small batch only, and where small
 * batches cannot keep up with what arrives, it would make others late: then those are passed over, as few as need be. Where a
 * run costs little besides its requests there is nothing to gain by that.
 */
function firstOf(alive: readonly Waiting[], nowMs: number, policy: BatchPolicy & { cost: Cost }): number {
  const { cost, maxBatch, ratePerMs } = policy;
  if (ratePerMs === undefined || cost.baseMs < cost.perItemMs) return 0;
  const throughput = (size: number) => size / (cost.baseMs + size * cost.perItemMs);
  const wanted = Math.min(ratePerMs, throughput(maxBatch));
  let best = { first: 0, perMs: 0 };
  for (const [first, { deadlineMs = Number.POSITIVE_INFINITY }] of alive.entries()) {
    const fitting = Math.floor((deadlineMs - nowMs - cost.baseMs) / cost.perItemMs);
    const size = Math.min(maxBatch, alive.length - first, fitting);
    const perMs = throughput(size);
    if (perMs > best.perMs) best = { first, perMs };
    if (perMs >= wanted || size < fitting) break;
  }
  return best.first;
}

/**
 * Where a run costs little besides its requests, batches only make the first wait for the last: the smallest size that
 * keeps up with what arrives is best, and none is when none does.
 */
function leanSize({ cost, maxBatch, ratePerMs }: BatchPolicy & { cost: Cost }): number {
  const { baseMs, perItemMs } = cost;
  if (ratePerMs === undefined || baseMs >= perItemMs) return maxBatch;
  const sparePerRequestMs = LEAN_LOAD / ratePerMs - perItemMs;
  if (!(sparePerRequestMs > 0)) return maxBatch;
  return Math.max(1, Math.min(maxBatch, Math.ceil(baseMs / sparePerRequestMs)));
}

/** n wait, the next one comes in τ: the sum of all latencies is less with it iff c − τ > n · (τ + a). */
function worthWaiting(
  count: number,
  {
    cost: { baseMs, perItemMs },
    leftMs,
    maxBatch,
    nextArrivalMs,
    nowMs,
  }: BatchPolicy & { cost: Cost; leftMs: number; nowMs: number },
): number | undefined {
  if (nextArrivalMs === undefined || nextArrivalMs <= nowMs || count >= maxBatch) return undefined;
  const waitMs = nextArrivalMs - nowMs;
  const isQuicker = baseMs - waitMs > count * (waitMs + perItemMs);
  const isInTime = waitMs + baseMs + (count + 1) * perItemMs <= leftMs;
  return isQuicker && isInTime ? nextArrivalMs : undefined;
}

/** The largest preferred size that is there; else all that wait, for what is due goes. */
const preferredSize = (count: number, { preferred }: Hold): number =>
  Math.max(...preferred.filter((size) => size <= count), 0) || Number.POSITIVE_INFINITY;

function heldUntil(
  alive: readonly Waiting[],
  nowMs: number,
  { hold, leftMs }: { hold: Hold; leftMs: number },
): number | undefined {
  if (hold.preferred.includes(alive.length)) return undefined;
  const firstMs = Math.min(...alive.map(({ arrivedMs }) => arrivedMs));
  const untilMs = Math.min(firstMs + hold.maxDelayMs, nowMs + leftMs);
  return untilMs > nowMs ? untilMs : undefined;
}

/** When a request is as urgent as one with that deadline. */
export const dueMs = ({ arrivedMs, deadlineMs }: Waiting): number => deadlineMs ?? arrivedMs + PATIENCE_MS;

const byUrgency = (a: Waiting, b: Waiting): number => dueMs(a) - dueMs(b) || a.order - b.order;
