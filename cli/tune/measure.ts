import type { OpenTrial, Trial } from "./trial.ts";

export interface TrialResult {
  trial: Trial;
  /** Frames per second with all instances running. */
  perSecond: number;
  /** Time of one run: median and 95th percentile. */
  p50Ms: number;
  p95Ms: number;
}

const ROUNDS = 5;
const ROUND_MS = 300;

/** Interleaves the trials in rounds, so that other load on the machine affects all of them alike, and takes medians. */
export async function measureTrials(
  opened: readonly OpenTrial[],
  onProgress: (done: number, of: number) => void,
): Promise<TrialResult[]> {
  const timers = opened.flatMap((each) => each.batches.map((batch) => new TrialTimer(each, batch)));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, timer] of timers.entries()) {
      onProgress(round * timers.length + i, ROUNDS * timers.length);
      await timer.round();
    }
  }
  return timers.map((timer) => timer.result());
}

class TrialTimer {
  readonly #opened: OpenTrial;
  readonly #batch: number;
  readonly #perSecond: number[] = [];
  readonly #runsMs: number[] = [];

  constructor(opened: OpenTrial, batch: number) {
    this.#opened = opened;
    this.#batch = batch;
  }

  /** One round, after a warm-up run that is not counted. */
  async round(): Promise<void> {
    const { session, trial } = this.#opened;
    const feeds = this.#opened.feedsOf(this.#batch);
    await Promise.all(Array.from({ length: trial.instances }, (_, slot) => session.run(slot, feeds)));
    const begunMs = performance.now();
    const repeat = async (slot: number) => {
      let count = 0;
      while (count === 0 || performance.now() - begunMs < ROUND_MS) {
        const startMs = performance.now();
        await session.run(slot, feeds);
        this.#runsMs.push(performance.now() - startMs);
        count++;
      }
      return count;
    };
    const counts = await Promise.all(Array.from({ length: trial.instances }, (_, slot) => repeat(slot)));
    const frames = this.#batch * counts.reduce((sum, count) => sum + count, 0);
    this.#perSecond.push((1_000 * frames) / (performance.now() - begunMs));
  }

  result(): TrialResult {
    return {
      trial: { ...this.#opened.trial, batch: this.#batch },
      perSecond: quantile(this.#perSecond, 0.5),
      p50Ms: quantile(this.#runsMs, 0.5),
      p95Ms: quantile(this.#runsMs, 0.95),
    };
  }
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
}
