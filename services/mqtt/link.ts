import { connect, ErrorWithReasonCode, type IClientOptions, type MqttClient } from "mqtt";
import type { SightlineError } from "../../runtime/base/errors.ts";
import { closed, isVersionRefused, networkFailure, refused, timedOut, unreachable } from "./failures.ts";
import type { Incoming, Message } from "./message.ts";

export type ProtocolLevel = 4 | 5;

export interface LinkOptions {
  url: string;
  protocol: ProtocolLevel;
  clientId: string;
  username?: string;
  password?: string;
  tls?: { ca?: string; cert?: string; key?: string; verify?: boolean };
  keepaliveS: number;
  connectTimeoutMs: number;
  ackTimeoutMs: number;
  /** Messages in flight at most; the broker may ask for fewer. */
  window: number;
  /** Retained, sent by the broker when this link breaks. */
  will: { topic: string; payload: string };
  /** Topics to listen to. */
  filter: string;
}

export interface LinkEvents {
  /** The broker let us in. */
  accepted(): void;
  /** The broker acknowledged a message: there is room for another. */
  acked(): void;
  received(incoming: Incoming): void;
  /** The broker does not let us listen; the link goes on. */
  subscriptionDenied(error: Error): void;
  /** The end of this link, exactly once. `otherVersion`: the broker may not speak this protocol version. */
  closed(error: SightlineError, otherVersion: boolean): void;
}

/** The broker waits this long before it says that we are gone, so that a short break raises no alarm. */
const WILL_DELAY_S = 5;
/** The session holds nothing of ours; it has to outlive the will's delay, or its end would send the will. */
const SESSION_EXPIRY_S = 60;
/** Retain handling of MQTT 5: what the broker has kept from before is not sent. */
const KEPT_NEVER = 2;
const CLOSE_LIMIT_MS = 1_000;
/** MQTT.js's own limit stays out of the way of ours, which tells a silent broker from an absent one. */
const NEVER_MS = 2 ** 31 - 1;

/**
 * One connection, from CONNECT to its end; there is no reconnecting in here. MQTT.js is the transport: its store and
 * its offline queue hold nothing, because messages are only given to it while connected and within the window.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #events: LinkEvents;
  #client: MqttClient | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  #tcpOpen = false;
  #accepted = false;
  #ended = false;
  #room = 0;
  #canRetain = true;
  #listens = false;
  inFlight = 0;

  constructor(options: LinkOptions, events: LinkEvents) {
    this.#options = options;
    this.#events = events;
  }

  get hasRoom(): boolean {
    return this.#accepted && !this.#ended && this.inFlight < this.#room;
  }

  open(): void {
    const client = connect({ ...addressOf(this.#options.url), ...clientOptions(this.#options) });
    this.#client = client;
    client.stream.once("connect", () => {
      this.#tcpOpen = true;
    });
    client.on("connect", ({ properties }) => {
      this.#accept(properties?.receiveMaximum, properties?.retainAvailable);
    });
    client.on("message", (topic, payload, { properties, retain }) => {
      this.#events.received({ topic, payload, retain, ...properties });
    });
    client.on("error", (error) => this.#failed(error));
    client.on("disconnect", ({ reasonCode }) => {
      if (reasonCode) this.#end(refused(reasonCode, "connection"));
    });
    client.on("close", () => {
      if (this.#accepted) this.#end(closed(this.#options.clientId));
      else this.#end(unreachable("The broker closed the connection before it answered"), this.#tcpOpen);
    });
    this.#watchdog = setTimeout(() => this.#connectTimedOut(), this.#options.connectTimeoutMs);
  }

  publish(message: Message): void {
    this.inFlight++;
    if (this.inFlight === 1) this.#watchAcks();
    const { topic, payload, properties } = message;
    const options = {
      qos: 1,
      retain: message.retain && this.#canRetain,
      ...(properties ? { properties } : {}),
    } as const;
    this.#client?.publish(topic, payload, options, (error) => {
      if (this.#ended) return;
      if (error) this.#failed(error, `message on ${topic}`);
      else this.#ack(message);
    });
  }

  /** Says goodbye, so that the broker keeps the will to itself. */
  async end(): Promise<void> {
    const client = this.#client;
    if (!client || this.#ended || !this.#accepted) return this.destroy();
    this.#ended = true;
    clearTimeout(this.#watchdog);
    const closed = new Promise<void>((resolve) => client.once("close", resolve));
    // MQTT.js would wait for these acknowledgements without a limit before it sends DISCONNECT.
    for (const id of Object.keys(client.outgoing)) client.removeOutgoingMessage(Number(id));
    client.end(false, this.#options.protocol === 5 ? { properties: { sessionExpiryInterval: 0 } } : {});
    const limit = setTimeout(() => client.stream.destroy(), CLOSE_LIMIT_MS);
    await closed;
    clearTimeout(limit);
  }

  #accept(receiveMaximum = 65_535, retainAvailable = true): void {
    clearTimeout(this.#watchdog);
    if (this.#ended) return;
    this.#accepted = true;
    this.#canRetain = retainAvailable;
    this.#room = Math.min(this.#options.window, receiveMaximum);
    this.#events.accepted();
  }

  /** Once the broker takes what we say: one that refuses it breaks off, and its reason must not drown in more packets. */
  #listen(): void {
    this.#listens = true;
    this.#client?.subscribe(this.#options.filter, { qos: 1, rh: KEPT_NEVER }, (error) => {
      if (error && !this.#ended) this.#events.subscriptionDenied(error);
    });
  }

  #ack(message: Message): void {
    this.inFlight--;
    if (this.inFlight > 0) this.#watchdog?.refresh();
    else clearTimeout(this.#watchdog);
    message.acked();
    if (!this.#listens) this.#listen();
    this.#events.acked();
  }

  #watchAcks(): void {
    clearTimeout(this.#watchdog);
    const { ackTimeoutMs } = this.#options;
    this.#watchdog = setTimeout(
      () => this.#end(timedOut(`The broker has not acknowledged anything for ${ackTimeoutMs} ms`)),
      ackTimeoutMs,
    );
  }

  #connectTimedOut(): void {
    const { connectTimeoutMs } = this.#options;
    this.#end(
      this.#tcpOpen
        ? timedOut(`The broker has not answered CONNECT for ${connectTimeoutMs} ms`)
        : unreachable(`No connection to the broker within ${connectTimeoutMs} ms`),
    );
  }

  #failed(error: Error, what = "connection"): void {
    if (error instanceof ErrorWithReasonCode) {
      const reasonCode = Number(error.code);
      this.#end(refused(reasonCode, what), !this.#accepted && isVersionRefused(reasonCode));
    } else {
      this.#end(networkFailure(error));
    }
  }

  #end(error: SightlineError, otherVersion = false): void {
    if (this.#ended) return;
    this.destroy();
    this.#events.closed(error, otherVersion);
  }

  /** Breaks off without a word. */
  destroy(): void {
    this.#ended = true;
    clearTimeout(this.#watchdog);
    this.#client?.end(true);
    this.#client?.stream.destroy();
  }
}

/** Taken apart here: given text, MQTT.js calls `url.parse`, which Node warns of. */
export function addressOf(url: string): IClientOptions {
  const { hostname, password, pathname, port, protocol, search, username } = new URL(url);
  return {
    protocol: protocol.slice(0, -1) as NonNullable<IClientOptions["protocol"]>,
    host: hostname.replace(/^\[|\]$/g, ""),
    path: pathname + search,
    ...(port === "" ? {} : { port: Number(port) }),
    ...(username === "" ? {} : { username: decoded(username) }),
    ...(password === "" ? {} : { password: decoded(password) }),
  };
}

/** A percent sign that begins no escape is one of the text. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function clientOptions(options: LinkOptions): IClientOptions {
  const { clientId, username, password, tls, keepaliveS, will } = options;
  const v5 = options.protocol === 5;
  return {
    protocolVersion: options.protocol,
    protocolId: "MQTT",
    clientId,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls?.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls?.key === undefined ? {} : { key: tls.key }),
    rejectUnauthorized: tls?.verify !== false,
    keepalive: keepaliveS,
    connectTimeout: NEVER_MS,
    reconnectPeriod: 0,
    queueQoSZero: false,
    resubscribe: false,
    // With MQTT 5, resuming the session is what cancels the delayed will of the link before.
    clean: !v5,
    ...(v5 ? { properties: { sessionExpiryInterval: SESSION_EXPIRY_S } } : {}),
    will: {
      topic: will.topic,
      payload: Buffer.from(will.payload),
      qos: 1,
      retain: true,
      ...(v5 ? { properties: { willDelayInterval: WILL_DELAY_S } } : {}),
    },
  };
}

/** Whether a URL has a scheme that the transport knows. */
export const isBrokerUrl = (url: string): boolean =>
  URL.canParse(url) && /^(mqtts?|tcp|tls|ssl|wss?):$/.test(new URL(url).protocol);
