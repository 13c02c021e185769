import type { Answerer } from "../../runtime/base/answer.ts";
import type { Clock } from "../../runtime/base/clock.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import { Connection, type ConnectionStatus, type ProtocolChoice } from "./connection.ts";
import { isBrokerUrl } from "./link.ts";
import { JSON_PROPERTIES, type MessageProperties } from "./message.ts";
import { Relay } from "./relay.ts";
import { RequestDesk } from "./request-desk.ts";
import type { ResultLog } from "./result-log.ts";
import { RetainedTopics } from "./retained-topics.ts";
import { Topics } from "./topics.ts";

export type { ResultLog, ResultRow } from "./result-log.ts";

export interface MqttOptions {
  /** `mqtt://host:1883`, `mqtts://host:8883`, `ws://host/path`, `wss://host/path`. */
  url: string;
  baseTopic: string;
  deviceId: string;
  /** Default: `sightline-{deviceId}`. Must differ between devices. */
  clientId?: string;
  username?: string;
  password?: string;
  /** PEM contents; `verify: false` accepts any certificate. */
  tls?: { ca?: string; cert?: string; key?: string; verify?: boolean };
  /** `auto`: MQTT 5, or 3.1.1 when the broker does not speak it. */
  protocol: ProtocolChoice;
  keepaliveS: number;
  /** From the first packet to the broker's CONNACK. */
  connectTimeoutMs: number;
  /** Messages are in flight and none is acknowledged for so long: the connection is given up. */
  ackTimeoutMs: number;
  backoffMs: { min: number; max: number };
  /** Messages in flight at most; the broker may ask for fewer. */
  window: number;
  /** Whether the broker keeps the last verdict of each pipeline for new subscribers. */
  retainVerdict: boolean;
}

export interface MqttStatus extends ConnectionStatus {
  /** Results acknowledged by the broker since the start. */
  published: number;
}

/** What exists between start and stop. */
interface Parts {
  topics: Topics;
  retained: RetainedTopics;
  relay: Relay;
  connection: Connection;
}

const TEXT_PROPERTIES: MessageProperties = { payloadFormatIndicator: true };
const GOODBYE_LIMIT_MS = 1_000;

interface Deps {
  log: ResultLog;
  logger: Logger;
  clock: Clock;
  /** Does what comes in on `R/request/…`. */
  answerer: Answerer;
}

/** Publishes the results of a log and the device's state, and takes requests; works with or without a broker at hand. */
export class MqttService {
  readonly #options: MqttOptions;
  readonly #deps: Deps;
  readonly #listeners = new Set<(status: MqttStatus) => void>();
  #parts: Parts | undefined;
  #stopping: Promise<void> | undefined;

  constructor(deps: Deps, options: MqttOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Does not wait for a broker. Errors: ERR_CONFIG_INVALID for a URL, base topic or device id that cannot work. */
  async start(): Promise<void> {
    if (this.#parts) return;
    this.#parts = this.#assemble();
    const { topics, retained, relay, connection } = this.#parts;
    retained.set(topics.state, "online", TEXT_PROPERTIES);
    await relay.start();
    connection.start();
  }

  /**
   * Sets a retained topic below the device's root: `info`, `health`, `camera/x/status`, `pipeline/x/counters`.
   * The last value is sent again after each reconnect, unless it is older than `expiryS`.
   */
  setState(suffix: string, payload: object | string, { expiryS }: { expiryS?: number } = {}): void {
    if (!this.#parts) return;
    const { topics, retained, connection } = this.#parts;
    const [text, properties] =
      typeof payload === "string" ? [payload, TEXT_PROPERTIES] : [JSON.stringify(payload), JSON_PROPERTIES];
    retained.set(topics.below(suffix), text, properties, expiryS);
    connection.pump();
  }

  status(): MqttStatus {
    const { connection, relay } = this.#parts ?? {};
    const down = { connected: false, protocol: undefined, sinceMs: 0, inFlight: 0, lastError: undefined };
    return { ...(connection?.status() ?? down), published: relay?.published ?? 0 };
  }

  /** Calls `listener` when the connection or the reason for having none changes; returns a function that ends this. */
  onStatus(listener: (status: MqttStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Waits until the broker has acknowledged everything in the log, or `drainMs` is over; then publishes `stopped`
   * and disconnects. What was not delivered stays in the log. May be called twice.
   */
  stop({ drainMs }: { drainMs: number }): Promise<void> {
    this.#stopping ??= this.#stop(drainMs).finally(() => {
      this.#parts = undefined;
      this.#stopping = undefined;
    });
    return this.#stopping;
  }

  async #stop(drainMs: number): Promise<void> {
    if (!this.#parts) return;
    const { relay, connection } = this.#parts;
    await relay.drained(AbortSignal.timeout(drainMs));
    relay.stop();
    const goodbye = connection.status().connected && (await this.#sayStopped());
    await connection.stop({ goodbye });
  }

  /** False when the broker did not take it in time: then its last will has to tell that we are gone. */
  async #sayStopped(): Promise<boolean> {
    if (!this.#parts) return false;
    const { topics, retained, connection } = this.#parts;
    retained.set(topics.state, "stopped", TEXT_PROPERTIES);
    connection.pump();
    return retained.settled(AbortSignal.timeout(GOODBYE_LIMIT_MS));
  }

  #assemble(): Parts {
    const { url, baseTopic, deviceId, clientId = `sightline-${deviceId}`, retainVerdict } = this.#options;
    if (!isBrokerUrl(url))
      throw new SightlineError("ERR_CONFIG_INVALID", `"${url}" is not the URL of a broker`);
    const topics = new Topics(baseTopic, deviceId);
    const retained = new RetainedTopics(this.#deps.clock);
    const parts = { ...this.#deps, onReady: () => connection.pump() };
    const relay = new Relay(parts, { topics, retainVerdict });
    const desk = new RequestDesk(parts, { topics });
    const connection: Connection = new Connection(
      {
        ...this.#deps,
        sources: [retained, desk, relay],
        onChange: () => this.#changed(),
        onIncoming: (incoming) => desk.receive(incoming),
      },
      {
        ...this.#options,
        clientId,
        will: { topic: topics.state, payload: "offline" },
        filter: topics.requests,
      },
    );
    return { topics, retained, relay, connection };
  }

  #changed(): void {
    const status = this.status();
    for (const listener of this.#listeners) listener(status);
  }
}
