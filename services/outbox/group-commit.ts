import { SightlineError } from "../../runtime/base/errors.ts";

export interface GroupCommitOptions {
  /** How long the first row of a group waits for company. */
  delayMs: number;
  /** A group of this size does not wait. */
  rows: number;
  /** Rows that may wait for the disk; beyond it `add` rejects. */
  bufferRows: number;
  /** Pause after a failed write; doubles from min to max. */
  retryMs: { min: number; max: number };
}

interface Waiting<Row> {
  row: Row;
  resolve(): void;
  reject(error: SightlineError): void;
}

/**
 * Collects rows and writes them in groups, one group at a time, in order. What arrives during a write makes up the
 * next group, so groups grow when the disk is slow. A failed group stays at the head and is tried again.
 */
export class GroupCommit<Row> {
  readonly #write: (rows: Row[]) => Promise<void>;
  readonly #onHealth: (error: SightlineError | undefined) => void;
  readonly #options: GroupCommitOptions;
  #waiting: Waiting<Row>[] = [];
  #timer: NodeJS.Timeout | undefined;
  #due = false;
  #stopping = false;
  #pauseMs = 0;
  #running: Promise<void> | undefined;
  #endPause = (): void => {};

  constructor(
    deps: { write: (rows: Row[]) => Promise<void>; onHealth: (error: SightlineError | undefined) => void },
    options: GroupCommitOptions,
  ) {
    this.#write = deps.write;
    this.#onHealth = deps.onHealth;
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** Resolves when the row's group is written. Errors: ERR_STORE_WRITE when the buffer is full or at stop. */
  add(row: Row): Promise<void> {
    if (this.#waiting.length >= this.#options.bufferRows) {
      return Promise.reject(
        new SightlineError("ERR_STORE_WRITE", `${this.#waiting.length} results already wait for the disk`),
      );
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ row, resolve, reject });
      this.#schedule();
    });
  }

  /** Writes now, even an empty group. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#due = true;
    this.#running ??= this.#run();
  }

  /** Writes what waits, without retries; what cannot be written is rejected. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#endPause();
    this.flush();
    await this.#running;
    clearTimeout(this.#timer);
    this.#stopping = false;
  }

  #schedule(): void {
    if (this.#waiting.length >= this.#options.rows) this.flush();
    else if (this.#waiting.length > 0) this.#timer ??= setTimeout(() => this.flush(), this.#options.delayMs);
  }

  /** Nothing may be awaited between the last look at `#due` and the end, or a `flush` in between would be lost. */
  async #run(): Promise<void> {
    this.#pauseMs = this.#options.retryMs.min;
    try {
      while (this.#due) {
        this.#due = false;
        await this.#attempt();
      }
    } finally {
      this.#running = undefined;
    }
  }

  async #attempt(): Promise<void> {
    const error = await this.#writeGroup();
    this.#onHealth(error);
    if (!error) {
      this.#pauseMs = this.#options.retryMs.min;
      if (this.#stopping && this.size > 0) this.#due = true;
      else this.#schedule();
    } else if (this.#stopping) {
      this.#rejectAll(error);
    } else {
      await this.#pause(this.#pauseMs);
      this.#pauseMs = Math.min(this.#pauseMs * 2, this.#options.retryMs.max);
      this.#due = true;
    }
  }

  async #writeGroup(): Promise<SightlineError | undefined> {
    const group = this.#waiting.slice();
    try {
      await this.#write(group.map(({ row }) => row));
    } catch (error) {
      return SightlineError.wrap("ERR_STORE_WRITE", error);
    }
    this.#waiting.splice(0, group.length);
    for (const { resolve } of group) resolve();
    return undefined;
  }

  #rejectAll(error: SightlineError): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
