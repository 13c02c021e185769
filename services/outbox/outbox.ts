import type { Worker } from "node:worker_threads";
import type { Clock } from "../../runtime/base/clock.ts";
import { type ErrorRecord, SightlineError } from "../../runtime/base/errors.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import { GroupCommit } from "./group-commit.ts";
import type { Commit, Committed, Counters, NewRow, ResultRow, Verdict } from "./protocol.ts";
import { StoreThread, spawnWriter } from "./store-thread.ts";

export type { Counters, ResultRow, Verdict } from "./protocol.ts";

export interface OutboxDeps {
  logger: Logger;
  clock: Clock;
  /** Starts the store's thread; tests bring their own to end it. */
  spawn?: () => Worker;
}

export interface OutboxOptions {
  /** Folder, created when missing. */
  path: string;
  /** Limit for the pages in use; the files may be larger by one write-ahead log. */
  maxBytes: number;
  /** How long a result may wait for others to share its commit. */
  commitDelayMs?: number;
  /** A commit of this many results does not wait. */
  commitRows?: number;
  /** Results held in memory while the disk is slow or failing. */
  bufferRows?: number;
  /** Pause between attempts while the disk is failing. */
  retryMs?: { min: number; max: number };
}

export interface NewResult {
  pipeline: string;
  id: string;
  verdict: Verdict;
  /** Defect label → count, for the counters. */
  defects: Record<string, number>;
  /** What the sinks send; `seq` is added. */
  payload: object;
}

export interface OutboxStats {
  /** Results that the slowest sink has not acknowledged. */
  depth: number;
  /** Age of the oldest of them; 0 when there is none. */
  oldestMs: number;
  /** Results lost to the size limit or a failing disk since the store exists; each is a gap in `seq`. */
  dropped: number;
  /** Size of the pages in use. */
  bytes: number;
  /** Results in memory that wait for their commit. */
  buffered: number;
  /** Why results are waiting (ERR_STORE_WRITE) or being dropped (ERR_STORE_FULL). */
  degraded?: ErrorRecord;
  /** Where a damaged store was moved to at start. */
  recovered?: string;
}

const ACK_DELAY_MS = 1_000;

/**
 * The log of results. A result is durable once `append` resolved; sinks read behind their own cursor and
 * acknowledge, so each gets every result at least once, in `seq` order per pipeline. SQLite runs on its own thread.
 */
export class Outbox {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #options: OutboxOptions;
  readonly #thread: StoreThread;
  readonly #commits: GroupCommit<NewRow>;
  readonly #listeners = new Set<() => void>();
  #open = false;
  #seqs = new Map<string, number>();
  #storedCursors = new Map<string, number>();
  /** Sinks that have read or acknowledged since the start; only these hold rows back. */
  #cursors = new Map<string, number>();
  #rejected = new Map<string, number>();
  #ackTimer: NodeJS.Timeout | undefined;
  #writeError: SightlineError | undefined;
  #full: SightlineError | undefined;
  #recovered: string | undefined;

  constructor({ logger, clock, spawn = spawnWriter }: OutboxDeps, options: OutboxOptions) {
    this.#logger = logger;
    this.#clock = clock;
    this.#options = options;
    this.#thread = new StoreThread(spawn);
    this.#commits = new GroupCommit(
      { write: (rows) => this.#write(rows), onHealth: (error) => this.#health(error) },
      {
        delayMs: options.commitDelayMs ?? 50,
        rows: options.commitRows ?? 20,
        bufferRows: options.bufferRows ?? 1_000,
        retryMs: options.retryMs ?? { min: 250, max: 5_000 },
      },
    );
  }

  /** Errors: ERR_STORE_OPEN, also when another process uses the store. */
  async start(): Promise<void> {
    if (this.#open) return;
    const { path, maxBytes } = this.#options;
    const opened = await this.#thread.open({ folder: path, maxBytes, nowMs: this.#clock.wallMs() });
    this.#seqs = new Map(Object.entries(opened.seqs));
    this.#storedCursors = new Map(Object.entries(opened.cursors));
    this.#cursors.clear();
    this.#recovered = opened.recovered;
    this.#open = true;
    if (opened.recovered) {
      this.#logger.warn({ movedTo: opened.recovered }, "the result store was damaged; a new one replaces it");
    }
  }

  /** Commits what waits, keeps the cursors and closes. May be called twice. */
  async stop(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    await this.#commits.stop();
    await this.#thread.close();
  }

  /**
   * Stores a result and resolves with its `seq` once it is durable. While the disk fails it stays pending; when
   * too many results wait it rejects, and the `seq` given to it remains as a gap.
   * Errors: ERR_STORE_WRITE, ERR_STORE_OPEN (not started).
   */
  async append({ pipeline, id, verdict, defects, payload }: NewResult): Promise<number> {
    this.#assertOpen();
    const seq = (this.#seqs.get(pipeline) ?? 0) + 1;
    const json = JSON.stringify({ ...payload, seq });
    this.#seqs.set(pipeline, seq);
    try {
      const storedMs = this.#clock.wallMs();
      await this.#commits.add({ pipeline, seq, id, verdict, defects, payload: json, storedMs });
    } catch (error) {
      this.#rejected.set(pipeline, (this.#rejected.get(pipeline) ?? 0) + 1);
      throw error;
    }
    return seq;
  }

  /** At most `limit` rows, oldest first, behind `afterPosition` or else behind the sink's cursor. */
  async read(sink: string, limit: number, afterPosition = 0): Promise<ResultRow[]> {
    this.#assertOpen();
    return this.#thread.call("read", { after: Math.max(this.#cursor(sink), afterPosition), limit });
  }

  /** The sink has everything up to `position`. Kept with the next commit, at most 1 s later, and at stop. */
  ack(sink: string, position: number): void {
    if (position <= this.#cursor(sink)) return;
    this.#cursors.set(sink, position);
    this.#ackTimer ??= setTimeout(() => this.#commits.flush(), ACK_DELAY_MS);
  }

  /** Calls `listener` after each commit that added rows; returns a function that ends this. */
  onCommit(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Counts since the store exists, equal to the rows that were ever committed. */
  async counters(pipeline: string): Promise<Counters> {
    this.#assertOpen();
    return this.#thread.call("counters", pipeline);
  }

  async stats(): Promise<OutboxStats> {
    this.#assertOpen();
    const state = await this.#thread.call("state", { after: Math.min(...this.#cursors.values(), Infinity) });
    const degraded = this.#writeError ?? this.#full;
    return {
      depth: state.depth,
      oldestMs: state.oldestStoredMs === null ? 0 : Math.max(0, this.#clock.wallMs() - state.oldestStoredMs),
      dropped: state.dropped + sum(this.#rejected.values()),
      bytes: state.bytes,
      buffered: this.#commits.size,
      ...(degraded ? { degraded: degraded.toRecord() } : {}),
      ...(this.#recovered === undefined ? {} : { recovered: this.#recovered }),
    };
  }

  #cursor(sink: string): number {
    const known = this.#cursors.get(sink);
    if (known !== undefined) return known;
    const stored = this.#storedCursors.get(sink) ?? 0;
    this.#cursors.set(sink, stored);
    return stored;
  }

  async #write(rows: NewRow[]): Promise<void> {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    const rejected = this.#rejected;
    const commit: Commit = {
      rows,
      cursors: Object.fromEntries(this.#cursors),
      rejected: Object.fromEntries(rejected),
    };
    this.#rejected = new Map();
    try {
      this.#watchLimit(await this.#thread.call("commit", commit));
    } catch (error) {
      for (const [name, count] of rejected) this.#rejected.set(name, (this.#rejected.get(name) ?? 0) + count);
      throw error;
    }
    if (rows.length > 0) for (const listener of this.#listeners) listener();
  }

  /** One line when dropping begins and one when delivered rows suffice again, however many rows it takes. */
  #watchLimit({ dropped, expired }: Committed): void {
    if (dropped > 0 && !this.#full) {
      this.#full = new SightlineError("ERR_STORE_FULL", "Undelivered results are being dropped");
      this.#logger.error({ error: this.#full.toRecord(), dropped }, "result store is full");
    } else if (dropped === 0 && expired > 0 && this.#full) {
      this.#full = undefined;
      this.#logger.info({}, "result store has room again");
    }
  }

  #health(error: SightlineError | undefined): void {
    if (error && !this.#writeError) {
      this.#logger.error(
        { error: error.toRecord() },
        "result store cannot be written; results wait in memory",
      );
    } else if (!error && this.#writeError) {
      this.#logger.info({}, "result store can be written again");
    }
    this.#writeError = error;
  }

  #assertOpen(): void {
    if (!this.#open) throw new SightlineError("ERR_STORE_OPEN", "The result store is not open");
  }
}

const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);
