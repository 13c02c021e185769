import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { generate, type IPublishPacket, type Packet, parser } from "mqtt-packet";
import type { SightlineError } from "../../runtime/base/errors.ts";
import { closed, networkFailure, refused, timedOut } from "./failures.ts";

export interface FrameLinkOptions {
  url: string;
  clientId: string;
  username?: string | undefined;
  password?: string | undefined;
  tls?: { ca?: string; cert?: string; key?: string; verify?: boolean } | undefined;
  keepaliveS: number;
  connectTimeoutMs: number;
  /** What is subscribed to, shared or not. */
  filter: string;
  /** How long the broker keeps the session, and the messages in it, while we are away; 0: not at all. */
  sessionExpiryS: number;
  /** Messages that the broker may send without an acknowledgement. */
  window: number;
}

export interface FrameLinkEvents {
  /** The broker accepted the subscription. */
  subscribed(): void;
  message(packet: IPublishPacket): void;
  /** The end of this link, exactly once. */
  closed(error: SightlineError): void;
}

const VERSION = { protocolVersion: 5 } as const;
/** The broker keeps larger ones to itself. */
const PACKET_BYTES_MAX = 128 * 2 ** 20;
const [SUBSCRIBE_ID, UNSUBSCRIBE_ID] = [1, 2];

/**
 * One connection that takes frames, from CONNECT to its end. Not MQTT.js: it handles the next message only after the
 * last is acknowledged, so one frame at a time, and keeps its pings waiting too.
 */
export class FrameLink {
  readonly #options: FrameLinkOptions;
  readonly #events: FrameLinkEvents;
  #socket: Socket | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  #isAlive = true;
  #ended = false;
  #onPong = (): void => {};
  isSubscribed = false;

  constructor(options: FrameLinkOptions, events: FrameLinkEvents) {
    this.#options = options;
    this.#events = events;
  }

  open(): void {
    const socket = openSocket(this.#options);
    const packets = parser(VERSION);
    this.#socket = socket;
    socket.on("data", (bytes) => packets.parse(bytes));
    socket.on("error", (error) => this.#end(networkFailure(error)));
    socket.on("close", () => this.#end(closed(this.#options.clientId)));
    packets.on("packet", (packet) => this.#receive(packet));
    packets.on("error", (error: Error) => this.#end(networkFailure(error)));
    this.#send(this.#connectPacket());
    const { connectTimeoutMs } = this.#options;
    const late = `The broker has not accepted the subscription within ${connectTimeoutMs} ms`;
    this.#watchdog = setTimeout(() => this.#end(timedOut(late)), connectTimeoutMs);
  }

  acknowledge(messageId: number): void {
    this.#send({ cmd: "puback", messageId, reasonCode: 0 });
  }

  /** New messages go to others; what the broker has queued for us still comes. */
  unsubscribe(): void {
    this.#send({ cmd: "unsubscribe", messageId: UNSUBSCRIBE_ID, unsubscriptions: [this.#options.filter] });
  }

  /** Resolves once the broker has answered, and with that has sent all that it had to send before. */
  ping(): Promise<void> {
    return new Promise((resolve) => {
      this.#onPong = resolve;
      this.#send({ cmd: "pingreq" });
    });
  }

  /** Says goodbye; the broker keeps the session as long as it was told to. */
  end(): void {
    this.#send({ cmd: "disconnect", reasonCode: 0 });
    this.#ended = true;
    clearTimeout(this.#watchdog);
    if (this.isSubscribed) this.#socket?.destroySoon();
    else this.#socket?.destroy();
  }

  /** Breaks off: what is not acknowledged is the broker's again. */
  fail(error: SightlineError): void {
    this.#end(error);
  }

  #receive(packet: Packet): void {
    this.#isAlive = true;
    if (packet.cmd === "connack") this.#onConnack(packet.reasonCode ?? 0);
    else if (packet.cmd === "suback") this.#onSuback(Number(packet.granted[0]));
    else if (packet.cmd === "publish") this.#events.message(packet);
    else if (packet.cmd === "pingresp") this.#onPong();
    else if (packet.cmd === "disconnect") this.#end(refused(packet.reasonCode ?? 0, "connection"));
  }

  #onConnack(reasonCode: number): void {
    // rh 2: a retained frame is an old one, and would come again with each subscription.
    const subscriptions = [{ topic: this.#options.filter, qos: 1 as const, rh: 2 }];
    if (reasonCode !== 0) this.#end(refused(reasonCode, "connection"));
    else this.#send({ cmd: "subscribe", messageId: SUBSCRIBE_ID, subscriptions });
  }

  #onSuback(reasonCode: number): void {
    if (reasonCode >= 128) {
      this.#end(refused(reasonCode, `subscription to ${this.#options.filter}`));
      return;
    }
    clearTimeout(this.#watchdog);
    this.#watchdog = setInterval(() => this.#keepAlive(), this.#options.keepaliveS * 1000);
    this.isSubscribed = true;
    this.#events.subscribed();
  }

  #keepAlive(): void {
    if (!this.#isAlive) this.#end(timedOut("The broker stopped answering pings"));
    this.#isAlive = false;
    this.#send({ cmd: "pingreq" });
  }

  #send(packet: Packet): void {
    if (!this.#ended) this.#socket?.write(generate(packet, VERSION));
  }

  #end(error: SightlineError): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#watchdog);
    this.#socket?.destroy();
    this.#onPong();
    this.#events.closed(error);
  }

  #connectPacket(): Packet {
    const { clientId, keepaliveS, password, sessionExpiryS, username, window } = this.#options;
    return {
      cmd: "connect",
      protocolId: "MQTT",
      ...VERSION,
      clientId,
      clean: sessionExpiryS === 0,
      // The broker allows half as much again.
      keepalive: keepaliveS,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password: Buffer.from(password) }),
      properties: {
        sessionExpiryInterval: sessionExpiryS,
        receiveMaximum: window,
        maximumPacketSize: PACKET_BYTES_MAX,
      },
    };
  }
}

function openSocket({ tls, url }: FrameLinkOptions): Socket {
  const { hostname, port, protocol } = new URL(url);
  const host = hostname.replace(/[[\]]/g, "");
  if (protocol === "mqtt:") return connectTcp({ host, port: Number(port || 1883), noDelay: true });
  const { verify, ...pem } = tls ?? {};
  return connectTls({
    host,
    port: Number(port || 8883),
    servername: host,
    ...pem,
    rejectUnauthorized: verify !== false,
  });
}
