import { type Clock, msBetween } from "../../runtime/base/clock.ts";
import type { Message, MessageProperties, MessageSource } from "./message.ts";

interface Retained {
  payload: string;
  properties: MessageProperties;
  setAtNs: bigint;
  expiryS: number | undefined;
}

/** The last value of each retained topic: sent when it changes, and again on each new connection. */
export class RetainedTopics implements MessageSource {
  readonly #clock: Clock;
  readonly #values = new Map<string, Retained>();
  readonly #unsent = new Set<string>();
  #unacked = new Set<Message>();
  #onSettled = (): void => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** An empty payload removes the topic's value at the broker. */
  set(topic: string, payload: string, properties: MessageProperties, expiryS?: number): void {
    this.#values.set(topic, { payload, properties, setAtNs: this.#clock.nowNs(), expiryS });
    this.#unsent.add(topic);
  }

  /** Whether the broker acknowledged every current value before `signal` aborted. */
  settled(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      this.#onSettled = () => resolve(true);
      signal.addEventListener("abort", () => resolve(false));
      this.#check();
    });
  }

  reset(): void {
    this.#unacked = new Set();
    for (const topic of this.#values.keys()) this.#unsent.add(topic);
  }

  next(): Message | undefined {
    for (const topic of this.#unsent) {
      this.#unsent.delete(topic);
      const message = this.#message(topic);
      if (message) return message;
    }
    return undefined;
  }

  #message(topic: string): Message | undefined {
    const value = this.#values.get(topic);
    const properties = value && this.#remaining(value);
    if (!properties) {
      this.#values.delete(topic);
      return undefined;
    }
    const unacked = this.#unacked;
    const message: Message = {
      topic,
      payload: value.payload,
      retain: true,
      properties,
      acked: () => {
        unacked.delete(message);
        this.#check();
      },
    };
    unacked.add(message);
    return message;
  }

  #check(): void {
    if (this.#unsent.size === 0 && this.#unacked.size === 0) this.#onSettled();
  }

  /** Undefined when the value has outlived its expiry: an old health report must not look fresh after an outage. */
  #remaining({ properties, expiryS, setAtNs }: Retained): MessageProperties | undefined {
    if (expiryS === undefined) return properties;
    const leftS = Math.ceil(expiryS - msBetween(setAtNs, this.#clock.nowNs()) / 1_000);
    return leftS > 0 ? { ...properties, messageExpiryInterval: leftS } : undefined;
  }
}
