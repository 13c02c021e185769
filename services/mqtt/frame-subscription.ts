import type { IPublishPacket } from "mqtt-packet";
import { type Clock, msBetween } from "../../runtime/base/clock.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import { type ReceivedFrame, receivedFrame, unusableFrame } from "../../runtime/pipeline/received-frame.ts";
import { backOffMs } from "./back-off.ts";
import { FrameLink, type FrameLinkOptions } from "./frame-link.ts";

export interface FrameSubscriptionOptions extends Omit<FrameLinkOptions, "filter" | "sessionExpiryS"> {
  topic: string;
  /** Devices of one group share the frames. */
  group: string | undefined;
  backoffMs: { min: number; max: number };
}

/** `lost`: why there is no picture in it. */
export type FrameMessage = ReceivedFrame & { origin: string; lost?: Error | undefined };

interface Deps {
  logger: Logger;
  clock: Clock;
  /** Resolves with whether the frame's results are stored, so that the broker may forget it. */
  judge(frame: FrameMessage): Promise<boolean>;
}

/** A device that restarts gets what came meanwhile; one that is gone for longer does not get the past. */
const SESSION_EXPIRY_S = 3_600;

/**
 * Takes frames from a topic, on a connection of its own: large frames hold no result up. A frame is acknowledged only
 * when its results are stored, in the order in which they came, and the broker sends no more than the window.
 */
export class FrameSubscription {
  readonly #deps: Deps;
  readonly #options: FrameSubscriptionOptions;
  #link: FrameLink | undefined;
  #retry: NodeJS.Timeout | undefined;
  #running = false;
  #failures = 0;
  #subscribedAtNs: bigint | undefined;
  #inWork = 0;
  #acknowledged: Promise<void> = Promise.resolve();
  #onIdle = (): void => {};

  constructor(deps: Deps, options: FrameSubscriptionOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Does not wait for a broker. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#connect();
  }

  /**
   * Ends what is in work and lets the broker know. A group's other members get what comes from now on, and what the
   * broker has queued for us is still taken; alone, it waits for our next start. May be called twice.
   */
  async stop({ limitMs }: { limitMs: number }): Promise<void> {
    this.#running = false;
    clearTimeout(this.#retry);
    const link = this.#link;
    if (!link) return;
    if (this.#options.group !== undefined) link.unsubscribe();
    const late = AbortSignal.timeout(limitMs);
    while (link.isSubscribed && !late.aborted && this.#link === link) {
      await this.#idle(late);
      await Promise.race([link.ping(), aborted(late)]);
      if (this.#inWork === 0) break;
    }
    this.#link = undefined;
    link.end();
  }

  #connect(): void {
    const { group, topic } = this.#options;
    const link = new FrameLink(
      {
        ...this.#options,
        filter: group === undefined ? topic : `$share/${group}/${topic}`,
        // In a group the others take over at once; a broker that kept our session would keep our share of the frames.
        sessionExpiryS: group === undefined ? SESSION_EXPIRY_S : 0,
      },
      {
        subscribed: () => this.#subscribed(),
        message: (packet) => this.#message(link, packet),
        closed: (error) => this.#closed(error),
      },
    );
    this.#link = link;
    link.open();
  }

  #subscribed(): void {
    this.#subscribedAtNs = this.#deps.clock.nowNs();
    const { group, topic } = this.#options;
    this.#deps.logger.info({ topic, group }, "subscribed to frames");
  }

  #closed(error: SightlineError): void {
    this.#link = undefined;
    this.#onIdle();
    if (!this.#running) return;
    if (this.#lived()) this.#failures = 0;
    if (this.#failures === 0)
      this.#deps.logger.warn({ error: error.toRecord() }, "no subscription to frames");
    const pauseMs = backOffMs(this.#failures++, this.#options.backoffMs, Math.random());
    this.#retry = setTimeout(() => this.#connect(), pauseMs);
  }

  /** A link that broke sooner than the longest pause is a failure: two devices with one id throw each other out. */
  #lived(): boolean {
    const since = this.#subscribedAtNs;
    this.#subscribedAtNs = undefined;
    return since !== undefined && msBetween(since, this.#deps.clock.nowNs()) >= this.#options.backoffMs.max;
  }

  #message(link: FrameLink, packet: IPublishPacket): void {
    // Nobody is left to share it with, so it stays in our session.
    if (!this.#running && this.#options.group === undefined) return;
    this.#inWork++;
    const stored = this.#deps.judge(frameOf(packet)).catch((error: unknown) => {
      this.#deps.logger.error({ err: error, topic: packet.topic }, "a frame was not judged");
      return false;
    });
    // In the order in which they came (MQTT 5, 4.6).
    this.#acknowledged = this.#acknowledged.then(async () => {
      if (await stored) this.#acknowledge(link, packet);
      else if (packet.qos > 0)
        link.fail(
          new SightlineError(
            "ERR_STORE_WRITE",
            "a frame's results were not stored; it stays unacknowledged at the broker",
          ),
        );
      if (--this.#inWork === 0) this.#onIdle();
    });
  }

  #acknowledge(link: FrameLink, { messageId, qos }: IPublishPacket): void {
    if (qos > 0 && messageId !== undefined) link.acknowledge(messageId);
  }

  async #idle(late: AbortSignal): Promise<void> {
    if (this.#inWork === 0) return;
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    await Promise.race([idle, aborted(late)]);
  }
}

/** A message that holds no frame is a part without a picture, and answered as one. */
function frameOf({ payload, properties, topic }: IPublishPacket): FrameMessage {
  const told = (name: string): string | undefined => {
    const value = properties?.userProperties?.[name];
    return Array.isArray(value) ? value[0] : value;
  };
  const origin = `mqtt ${topic}`;
  try {
    return { ...receivedFrame(Buffer.isBuffer(payload) ? payload : Buffer.from(payload), told), origin };
  } catch (error) {
    return { ...unusableFrame(told), origin, lost: SightlineError.wrap("ERR_FRAME_INVALID", error) };
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
