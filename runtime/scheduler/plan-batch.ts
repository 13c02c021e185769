/** What the planner knows of a waiting request. */
export interface Waiting {
  /** Order of arrival, and the tie-break between equal deadlines. */
  readonly order: number;
  /** Monotonic; undefined = useful however late. */
  readonly deadlineNs: bigint | undefined;
}

export interface Plan<T extends Waiting> {
  /** Goes to the idle instance now, most urgent first. */
  batch: T[];
  /** Can no longer make its deadline. */
  drops: T[];
  /** Stays queued. */
  rest: T[];
}

export interface BatchPolicy {
  /** Requests that one run may take, 1 or more. */
  maxBatch: number;
}

/**
 * Decides what an idle instance does next. Pure: the same queue, time and policy give the same plan.
 * Work-conserving (an idle instance never waits) and earliest deadline first.
 */
export function planBatch<T extends Waiting>(
  queue: readonly T[],
  nowNs: bigint,
  policy: BatchPolicy,
): Plan<T> {
  const isLate = (r: T) => r.deadlineNs !== undefined && r.deadlineNs <= nowNs;
  const alive = queue.filter((r) => !isLate(r)).sort(byUrgency);
  return {
    batch: alive.slice(0, policy.maxBatch),
    drops: queue.filter(isLate),
    rest: alive.slice(policy.maxBatch),
  };
}

function byUrgency(a: Waiting, b: Waiting): number {
  if (a.deadlineNs !== b.deadlineNs) {
    if (a.deadlineNs === undefined) return 1;
    if (b.deadlineNs === undefined) return -1;
    return a.deadlineNs < b.deadlineNs ? -1 : 1;
  }
  return a.order - b.order;
}
