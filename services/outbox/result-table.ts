import type { Database, Statement } from "better-sqlite3";
import type { Commit, Committed, Counters, NewRow, Opened, ResultRow, StoreState } from "./protocol.ts";
import { RANK } from "./schema.ts";

/** Rows deleted between two looks at the size. */
const TRIM_ROWS = 32;
/** Trimming goes a little below the limit, so that not every commit has to trim. */
const LOW_WATER = 0.95;

/** Every statement on the store, run on the store's thread. */
export class ResultTable {
  readonly #db: Database;
  readonly #maxBytes: number;
  readonly #statements = new Map<string, Statement>();

  constructor(db: Database, maxBytes: number) {
    this.#db = db;
    this.#maxBytes = maxBytes;
  }

  opened(): Opened {
    return {
      seqs: this.#pairs("SELECT name AS key, seq AS value FROM pipeline"),
      cursors: this.#pairs("SELECT sink AS key, position AS value FROM cursor"),
    };
  }

  /** All or nothing, and durable on return. Repeating a commit whose outcome is unknown adds nothing twice. */
  commit({ rows, cursors, rejected }: Commit): Committed {
    const committed = this.#db.transaction(() => {
      for (const row of rows) this.#insert(row);
      for (const [sink, position] of Object.entries(cursors)) this.#moveCursor(sink, position);
      for (const [pipeline, count] of Object.entries(rejected)) this.#countDropped(pipeline, count);
      return this.#trim(Math.min(...Object.values(cursors)));
    })();
    this.#shrink();
    return committed;
  }

  read(after: number, limit: number): ResultRow[] {
    return this.#statement(
      `SELECT position, pipeline, seq, id, verdict, payload FROM result
       WHERE position > ? ORDER BY position LIMIT ?`,
    ).all(after, limit) as ResultRow[];
  }

  counters(pipeline: string): Counters {
    const row = this.#statement(
      "SELECT total, pass, fail, review, error, since_ms FROM pipeline WHERE name = ?",
    ).get(pipeline) as (Omit<Counters, "by_defect" | "since"> & { since_ms: number | null }) | undefined;
    const { since_ms, ...counts } = row ?? {
      total: 0,
      pass: 0,
      fail: 0,
      review: 0,
      error: 0,
      since_ms: null,
    };
    return {
      ...counts,
      by_defect: this.#pairs("SELECT label AS key, count AS value FROM defect WHERE pipeline = ?", pipeline),
      since: since_ms === null ? null : new Date(since_ms).toISOString(),
    };
  }

  /** `after`: the cursor of the slowest sink. */
  state(after: number): StoreState {
    // The index alone answers this; over the table it would read every payload.
    const depth = this.#number(
      "SELECT count(*) FROM result INDEXED BY result_by_rank WHERE rank IN (0, 1, 2) AND position > ?",
      after,
    );
    const oldest = this.#statement(
      "SELECT stored_ms FROM result WHERE position > ? ORDER BY position LIMIT 1",
    ).get(after) as { stored_ms: number } | undefined;
    return {
      depth,
      oldestStoredMs: oldest?.stored_ms ?? null,
      dropped: this.#number("SELECT coalesce(sum(dropped), 0) FROM pipeline"),
      bytes: this.#liveBytes(),
    };
  }

  #insert(row: NewRow): void {
    const known = this.#statement("SELECT seq FROM pipeline WHERE name = ?").get(row.pipeline) as
      | { seq: number }
      | undefined;
    if (known && row.seq <= known.seq) return;
    this.#statement(
      `INSERT INTO result (pipeline, seq, id, verdict, rank, stored_ms, payload)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ).run(row.pipeline, row.seq, row.id, row.verdict, RANK[row.verdict], row.storedMs, row.payload);
    this.#count(row);
  }

  #count({ pipeline, seq, verdict, storedMs, defects }: NewRow): void {
    this.#statement(
      `INSERT INTO pipeline (name, seq, total, ${verdict}, since_ms) VALUES (?, ?, 1, 1, ?)
       ON CONFLICT (name) DO UPDATE SET seq = excluded.seq, total = total + 1,
         ${verdict} = ${verdict} + 1, since_ms = coalesce(since_ms, excluded.since_ms)`,
    ).run(pipeline, seq, storedMs);
    for (const [label, count] of Object.entries(defects)) {
      this.#statement(
        `INSERT INTO defect (pipeline, label, count) VALUES (?, ?, ?)
         ON CONFLICT (pipeline, label) DO UPDATE SET count = count + excluded.count`,
      ).run(pipeline, label, count);
    }
  }

  #moveCursor(sink: string, position: number): void {
    this.#statement(
      `INSERT INTO cursor (sink, position) VALUES (?, ?)
       ON CONFLICT (sink) DO UPDATE SET position = excluded.position WHERE excluded.position > position`,
    ).run(sink, position);
  }

  #countDropped(pipeline: string, count: number): void {
    this.#statement(
      `INSERT INTO pipeline (name, dropped) VALUES (?, ?)
       ON CONFLICT (name) DO UPDATE SET dropped = dropped + excluded.dropped`,
    ).run(pipeline, count);
  }

  /** Delivered rows first, oldest first; then undelivered ones by rank. Without a sink every row is history. */
  #trim(deliveredUpTo: number): Committed {
    const committed = { dropped: 0, expired: 0 };
    if (this.#liveBytes() <= this.#maxBytes) return committed;
    committed.expired = this.#deleteWhile(
      "position <= ?",
      Math.min(deliveredUpTo, Number.MAX_SAFE_INTEGER),
    ).length;
    for (const rank of new Set(Object.values(RANK))) {
      const pipelines = this.#deleteWhile("rank = ?", rank);
      for (const [name, rows] of Object.entries(Object.groupBy(pipelines, (pipeline) => pipeline))) {
        this.#countDropped(name, rows?.length ?? 0);
      }
      committed.dropped += pipelines.length;
    }
    return committed;
  }

  /** Deletes the oldest rows that match until the size is right; returns the pipeline of each. */
  #deleteWhile(condition: string, value: number): string[] {
    const statement = this.#statement(
      `DELETE FROM result WHERE position IN
         (SELECT position FROM result WHERE ${condition} ORDER BY position LIMIT ${TRIM_ROWS})
       RETURNING pipeline`,
    );
    const deleted: string[] = [];
    while (this.#liveBytes() > this.#maxBytes * LOW_WATER) {
      const rows = statement.all(value) as { pipeline: string }[];
      if (rows.length === 0) break;
      deleted.push(...rows.map((row) => row.pipeline));
    }
    return deleted;
  }

  /** Gives pages back after the limit was lowered; in the steady state freed pages are used again. */
  #shrink(): void {
    const spare = this.#pragma("page_count") * this.#pragma("page_size") - this.#maxBytes;
    if (spare > 0 && this.#pragma("freelist_count") > 0) this.#db.pragma("incremental_vacuum(256)");
  }

  #liveBytes(): number {
    return (this.#pragma("page_count") - this.#pragma("freelist_count")) * this.#pragma("page_size");
  }

  #pragma(name: string): number {
    return Number(this.#db.pragma(name, { simple: true }));
  }

  #statement(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #number(sql: string, ...values: unknown[]): number {
    return Number(
      this.#statement(sql)
        .pluck()
        .get(...values),
    );
  }

  #pairs(sql: string, ...values: unknown[]): Record<string, number> {
    const rows = this.#statement(sql).all(...values) as { key: string; value: number }[];
    return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
  }
}
