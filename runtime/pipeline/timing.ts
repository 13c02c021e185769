/** Milliseconds. */
export interface Timing {
  pre: number;
  queue: number;
  infer: number;
  post: number;
}

export const NO_TIME: Timing = { pre: 0, queue: 0, infer: 0, post: 0 };

export const addTiming = (a: Timing, b: Timing): Timing => ({
  pre: a.pre + b.pre,
  queue: a.queue + b.queue,
  infer: a.infer + b.infer,
  post: a.post + b.post,
});

/** Runs side by side take less time than their sum: what passed is divided in the same proportions. */
export function shareOf(timings: readonly Timing[], passedMs: number): Timing {
  const sum = timings.reduce(addTiming, NO_TIME);
  const share = passedMs / Math.max(1e-6, sum.pre + sum.queue + sum.infer + sum.post);
  return { pre: sum.pre * share, queue: sum.queue * share, infer: sum.infer * share, post: sum.post * share };
}
