import type { Reason } from "./plan-batch.ts";

/** What was decided once, and what came of it. Times are of one monotonic clock, in milliseconds. */
export interface BatchRecord {
  /** Whose scheduler decided. */
  model: string;
  /** Which of the engine's slots ran it. */
  slot: number;
  size: number;
  /** Why it had this size and went then. */
  reason: Reason;
  startedMs: number;
  /** How long the first to arrive had waited. */
  queuedMs: number;
  runMs: number;
  /** Requests that were given up just before, since they would have been late. */
  dropped: number;
  failed: boolean;
}

const RECORDS_MAX = 4_096;

/** The last batches of all models, so that every decision can be explained afterwards. */
export class BatchLog {
  readonly #records: BatchRecord[] = [];
  readonly #listeners = new Set<(record: BatchRecord) => void>();
  #count = 0;

  record(record: BatchRecord): void {
    this.#records[this.#count++ % RECORDS_MAX] = record;
    for (const listener of this.#listeners) listener(record);
  }

  /** Calls `listener` with each that follows; returns a function that ends this. */
  onRecord(listener: (record: BatchRecord) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The last `count`, oldest first. */
  last(count: number): BatchRecord[] {
    const next = this.#count % RECORDS_MAX;
    const inOrder =
      this.#count > RECORDS_MAX
        ? [...this.#records.slice(next), ...this.#records.slice(0, next)]
        : [...this.#records];
    return inOrder.slice(Math.max(0, inOrder.length - count));
  }
}
