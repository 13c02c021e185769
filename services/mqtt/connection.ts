import { type Clock, msBetween } from "../../runtime/base/clock.ts";
import type { ErrorRecord, SightlineError } from "../../runtime/base/errors.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import { backOffMs } from "./back-off.ts";
import { Link, type LinkOptions, type ProtocolLevel } from "./link.ts";
import type { Incoming, Message, MessageSource } from "./message.ts";

export type ProtocolChoice = "auto" | "5" | "3.1.1";

export interface ConnectionOptions extends Omit<LinkOptions, "protocol"> {
  protocol: ProtocolChoice;
  backoffMs: { min: number; max: number };
}

export interface ConnectionStatus {
  /** The broker answers: it acknowledged a message on this connection. */
  connected: boolean;
  /** Version spoken while connected. */
  protocol: "5" | "3.1.1" | undefined;
  /** Wall clock, milliseconds, of the last change of `connected`. */
  sinceMs: number;
  inFlight: number;
  /** Why there is no connection; undefined while connected. */
  lastError: ErrorRecord | undefined;
}

/**
 * Keeps a link to the broker: makes a new one, after a pause, whenever the last has ended, and fills its window from
 * the sources, the first source first. A link counts as connected from its first acknowledgement on: a broker that
 * lets us in but acknowledges nothing is not one.
 */
export class Connection {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #sources: readonly MessageSource[];
  readonly #onChange: () => void;
  readonly #onIncoming: (incoming: Incoming) => void;
  readonly #options: ConnectionOptions;
  #link: Link | undefined;
  #level: ProtocolLevel = 5;
  #retry: NodeJS.Timeout | undefined;
  #running = false;
  #failures = 0;
  #connected = false;
  #connectedAtNs = 0n;
  #sinceMs = 0;
  #lastError: SightlineError | undefined;

  constructor(
    deps: {
      logger: Logger;
      clock: Clock;
      sources: readonly MessageSource[];
      onChange: () => void;
      onIncoming: (incoming: Incoming) => void;
    },
    options: ConnectionOptions,
  ) {
    this.#logger = deps.logger;
    this.#clock = deps.clock;
    this.#sources = deps.sources;
    this.#onChange = deps.onChange;
    this.#onIncoming = deps.onIncoming;
    this.#options = options;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#sinceMs = this.#clock.wallMs();
    this.#level = this.#firstLevel();
    this.#connect();
  }

  /** `goodbye: false` lets the broker publish the last will. May be called twice. */
  async stop({ goodbye }: { goodbye: boolean }): Promise<void> {
    this.#running = false;
    clearTimeout(this.#retry);
    const link = this.#link;
    this.#link = undefined;
    if (goodbye) await link?.end();
    else link?.destroy();
    if (this.#connected) this.#setConnected(false);
  }

  status(): ConnectionStatus {
    return {
      connected: this.#connected,
      protocol: this.#connected ? (this.#level === 5 ? "5" : "3.1.1") : undefined,
      sinceMs: this.#sinceMs,
      inFlight: this.#link?.inFlight ?? 0,
      lastError: this.#lastError?.toRecord(),
    };
  }

  /** Sends what the sources have, as far as the window allows. */
  pump(): void {
    while (this.#link?.hasRoom) {
      const message = this.#next();
      if (!message) return;
      this.#link.publish(message);
    }
  }

  #next(): Message | undefined {
    for (const source of this.#sources) {
      const message = source.next();
      if (message) return message;
    }
    return undefined;
  }

  #connect(): void {
    this.#link = new Link(
      { ...this.#options, protocol: this.#level },
      {
        accepted: () => this.#accepted(),
        acked: () => this.#acked(),
        received: (incoming) => this.#onIncoming(incoming),
        subscriptionDenied: (error) =>
          this.#logger.warn({ err: error }, "the broker denied the subscription to requests"),
        closed: (error, otherVersion) => this.#closed(error, otherVersion),
      },
    );
    this.#link.open();
  }

  #accepted(): void {
    for (const source of this.#sources) source.reset();
    this.pump();
  }

  #acked(): void {
    if (!this.#connected) {
      this.#connectedAtNs = this.#clock.nowNs();
      this.#lastError = undefined;
      this.#logger.info({ protocol: this.#level === 5 ? "5" : "3.1.1" }, "connected to the broker");
      this.#setConnected(true);
    }
    this.pump();
  }

  #closed(error: SightlineError, otherVersion: boolean): void {
    this.#link = undefined;
    if (!this.#running) return;
    if (otherVersion && this.#options.protocol === "auto" && this.#level === 5) {
      this.#level = 4;
      this.#connect();
      return;
    }
    this.#level = this.#firstLevel();
    this.#report(error);
    this.#retryLater();
  }

  /** A link that broke sooner than the longest pause counts as a failure: two devices with one id throw each other out. */
  #retryLater(): void {
    const livedMs = this.#connected ? msBetween(this.#connectedAtNs, this.#clock.nowNs()) : 0;
    if (livedMs >= this.#options.backoffMs.max) this.#failures = 0;
    const pauseMs = backOffMs(this.#failures++, this.#options.backoffMs, Math.random());
    this.#retry = setTimeout(() => this.#connect(), pauseMs);
    if (this.#connected) this.#setConnected(false);
  }

  #report(error: SightlineError): void {
    const known = this.#lastError;
    this.#lastError = error;
    if (known?.code === error.code && known.message === error.message) return;
    this.#logger.warn({ error: error.toRecord() }, "no connection to the broker; results wait in the store");
    if (!this.#connected) this.#onChange();
  }

  #setConnected(connected: boolean): void {
    this.#connected = connected;
    this.#sinceMs = this.#clock.wallMs();
    this.#onChange();
  }

  #firstLevel(): ProtocolLevel {
    return this.#options.protocol === "3.1.1" ? 4 : 5;
  }
}
