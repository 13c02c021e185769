import type { Opened, Way } from "./ways.ts";

export interface Measured {
  way: Way;
  /** Frames, with all instances at work. */
  perSecond: number;
  /** Of one run: median, and what one in twenty takes longer than. */
  p50Ms: number;
  p95Ms: number;
}

const ROUNDS = 5;
const ROUND_MS = 300;

/** All ways by turns, so that what else the machine does meets all of them; medians of the rounds. */
export async function measureWays(
  opened: readonly Opened[],
  onProgress: (done: number, of: number) => void,
): Promise<Measured[]> {
  const all = opened.flatMap((each) => each.batches.map((batch) => new Subject(each, batch)));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, subject] of all.entries()) {
      onProgress(round * all.length + i, ROUNDS * all.length);
      await subject.watch();
    }
  }
  return all.map((subject) => subject.measured());
}

class Subject {
  readonly #opened: Opened;
  readonly #batch: number;
  readonly #perSecond: number[] = [];
  readonly #runsMs: number[] = [];

  constructor(opened: Opened, batch: number) {
    this.#opened = opened;
    this.#batch = batch;
  }

  /** One round, after a run whose time does not count. */
  async watch(): Promise<void> {
    const { session, way } = this.#opened;
    const feeds = this.#opened.feedsOf(this.#batch);
    await Promise.all(Array.from({ length: way.instances }, (_, slot) => session.run(slot, feeds)));
    const begunMs = performance.now();
    const lane = async (slot: number) => {
      let count = 0;
      while (count === 0 || performance.now() - begunMs < ROUND_MS) {
        const startMs = performance.now();
        await session.run(slot, feeds);
        this.#runsMs.push(performance.now() - startMs);
        count++;
      }
      return count;
    };
    const counts = await Promise.all(Array.from({ length: way.instances }, (_, slot) => lane(slot)));
    const frames = this.#batch * counts.reduce((sum, count) => sum + count, 0);
    this.#perSecond.push((1_000 * frames) / (performance.now() - begunMs));
  }

  measured(): Measured {
    return {
      way: { ...this.#opened.way, batch: this.#batch },
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
