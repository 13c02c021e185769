import type { ResultLog, ResultRow } from "../../services/mqtt/result-log.ts";
import type { NewResult } from "../../services/outbox/outbox.ts";

/** A result log in memory; passes the same contract as the outbox, apart from surviving a restart. */
export class MemoryResultLog implements ResultLog {
  readonly #rows: ResultRow[] = [];
  readonly #seqs = new Map<string, number>();
  readonly #cursors = new Map<string, number>();
  readonly #listeners = new Set<() => void>();

  async append({ pipeline, id, verdict, payload }: NewResult): Promise<number> {
    const seq = (this.#seqs.get(pipeline) ?? 0) + 1;
    this.#seqs.set(pipeline, seq);
    const json = JSON.stringify({ ...payload, seq });
    await Promise.resolve();
    this.#rows.push({ position: this.#rows.length + 1, pipeline, seq, id, verdict, payload: json });
    for (const listener of this.#listeners) listener();
    return seq;
  }

  async read(sink: string, limit: number, afterPosition = 0): Promise<ResultRow[]> {
    const after = Math.max(this.cursor(sink), afterPosition);
    return this.#rows.slice(after, after + limit);
  }

  ack(sink: string, position: number): void {
    this.#cursors.set(sink, Math.max(position, this.cursor(sink)));
  }

  onCommit(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  cursor(sink: string): number {
    return this.#cursors.get(sink) ?? 0;
  }
}
