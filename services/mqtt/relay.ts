import { SightlineError } from "../../runtime/base/errors.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import { JSON_PROPERTIES, type Message, type MessageSource } from "./message.ts";
import type { ResultLog, ResultRow } from "./result-log.ts";
import type { Topics } from "./topics.ts";
import { parsePayload, verdictSummary } from "./verdict-summary.ts";

const SINK = "mqtt";
const READ_ROWS = 64;
/** Messages ready to send below which the next rows are read. */
const READY_MIN = 2 * 20;

interface RowInFlight {
  position: number;
  /** Messages of this row that the broker has not acknowledged. */
  open: number;
}

/**
 * Turns the rows of the log into messages, in order, and acknowledges to the log what the broker has: a row when
 * its result and its verdict are acknowledged and so is every row before it.
 */
export class Relay implements MessageSource {
  readonly #log: ResultLog;
  readonly #logger: Logger;
  readonly #topics: Topics;
  readonly #retainVerdict: boolean;
  readonly #onReady: () => void;
  #ready: Message[] = [];
  #inFlight: RowInFlight[] = [];
  #readUpTo = 0;
  #reading = false;
  /** The log may hold rows that were not read yet. */
  #more = true;
  #epoch = 0;
  #unsubscribe = (): void => {};
  #onIdle = (): void => {};
  published = 0;

  constructor(
    deps: { log: ResultLog; logger: Logger; onReady: () => void },
    { topics, retainVerdict }: { topics: Topics; retainVerdict: boolean },
  ) {
    this.#log = deps.log;
    this.#logger = deps.logger;
    this.#onReady = deps.onReady;
    this.#topics = topics;
    this.#retainVerdict = retainVerdict;
  }

  /** Also makes this sink known to the log, which keeps rows for it from now on. */
  async start(): Promise<void> {
    this.#unsubscribe = this.#log.onCommit(() => {
      this.#more = true;
      this.#onReady();
    });
    await this.#log.read(SINK, 1);
  }

  stop(): void {
    this.#unsubscribe();
    this.reset();
  }

  reset(): void {
    this.#epoch++;
    this.#ready = [];
    this.#inFlight = [];
    this.#readUpTo = 0;
    this.#reading = false;
    this.#more = true;
  }

  next(): Message | undefined {
    const message = this.#ready.shift();
    if (this.#more && !this.#reading && this.#ready.length < READY_MIN) void this.#fill();
    return message;
  }

  /** Resolves when everything in the log is acknowledged, or `signal` aborts. */
  async drained(signal: AbortSignal): Promise<void> {
    const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    while (!signal.aborted) {
      const idle = new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
      if ((await this.#read(1, 0)).length === 0) return;
      await Promise.race([idle, aborted]);
    }
  }

  async #fill(): Promise<void> {
    const epoch = this.#epoch;
    this.#reading = true;
    this.#more = false;
    const rows = await this.#read(READ_ROWS, this.#readUpTo);
    if (epoch !== this.#epoch) return;
    this.#reading = false;
    if (rows.length === READ_ROWS) this.#more = true;
    for (const row of rows) this.#queue(row);
    if (rows.length > 0 || this.#more) this.#onReady();
  }

  async #read(limit: number, after: number): Promise<ResultRow[]> {
    try {
      return await this.#log.read(SINK, limit, after);
    } catch (error) {
      const { code, message } = SightlineError.wrap("ERR_STORE_OPEN", error);
      this.#logger.warn(
        { code, message },
        "stored results cannot be read; the next result triggers another try",
      );
      return [];
    }
  }

  #queue(row: ResultRow): void {
    const inFlight = { position: row.position, open: 2 };
    this.#inFlight.push(inFlight);
    this.#readUpTo = row.position;
    const acked = (): void => {
      inFlight.open--;
      this.#advance();
    };
    const payload = parsePayload(row.payload);
    const userProperties: Record<string, string> = { id: row.id };
    if (typeof payload.schema === "string") userProperties.schema = payload.schema;
    this.#ready.push(
      {
        topic: this.#topics.result(row.pipeline),
        payload: row.payload,
        retain: false,
        properties: { ...JSON_PROPERTIES, userProperties },
        acked,
      },
      {
        topic: this.#topics.verdict(row.pipeline),
        payload: JSON.stringify(verdictSummary(row, payload)),
        retain: this.#retainVerdict,
        properties: { ...JSON_PROPERTIES, userProperties: { id: row.id } },
        acked,
      },
    );
  }

  #advance(): void {
    let done: RowInFlight | undefined;
    while (this.#inFlight[0]?.open === 0) {
      done = this.#inFlight.shift();
      this.published++;
    }
    if (!done) return;
    this.#log.ack(SINK, done.position);
    if (this.#inFlight.length === 0) this.#onIdle();
  }
}
