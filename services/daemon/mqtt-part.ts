import { isDeepStrictEqual } from "node:util";
import type { Config } from "../../config/schema/schema.ts";
import type { Answerer } from "../../runtime/base/answer.ts";
import type { Clock } from "../../runtime/base/clock.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import { MqttService, type MqttStatus } from "../mqtt/mqtt-service.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { type BrokerLink, brokerLink } from "./broker-link.ts";
import type { Part, PartChange } from "./part.ts";

interface Deps {
  clock: Clock;
  logger: Logger;
  outbox: Outbox;
  answerer: Answerer;
}

interface State {
  payload: object | string;
  options: { expiryS?: number } | undefined;
}

const DRAIN_LIMIT_MS = 5_000;
/** What an event is told of once is not told again to another broker. */
const EVENT = /\/event$/;

/** The broker: results and the device's state go out, requests come in. */
export class MqttPart implements Part {
  readonly name = "mqtt";
  readonly sections = ["mqtt"] as const;
  readonly #deps: Deps;
  #config: Config;
  #service: MqttService | undefined;
  /** What the device's topics hold, for a broker that comes after. */
  readonly #states = new Map<string, State>();

  constructor(deps: Deps, config: Config) {
    this.#deps = deps;
    this.#config = config;
  }

  /** Does not wait for the broker. Errors: ERR_CONFIG_READ, ERR_CONFIG_INVALID. */
  async start(): Promise<void> {
    await this.#begin(this.#make(this.#config, await brokerLink(this.#config)));
  }

  async stop(): Promise<void> {
    await this.#service?.stop({ drainMs: DRAIN_LIMIT_MS });
  }

  /** Sets a retained topic below the device's root; see `MqttService.setState`. */
  setState(topic: string, payload: object | string, options?: { expiryS?: number }): void {
    if (!EVENT.test(topic)) this.#states.set(topic, { payload, options });
    this.#service?.setState(topic, payload, options);
  }

  status(): MqttStatus | undefined {
    return this.#service?.status();
  }

  async prepare(next: Config): Promise<PartChange | undefined> {
    if (isDeepStrictEqual(next.mqtt, this.#config.mqtt)) return undefined;
    const service = this.#make(next, await brokerLink(next));
    const apply = async () => {
      await this.stop();
      this.#config = next;
      await this.#begin(service);
      return ["mqtt"];
    };
    return { apply };
  }

  async #begin(service: MqttService): Promise<void> {
    await service.start();
    this.#service = service;
    for (const [topic, { options, payload }] of this.#states) service.setState(topic, payload, options);
  }

  #make({ device, mqtt }: Config, link: BrokerLink): MqttService {
    const { answerer, clock, logger, outbox: log } = this.#deps;
    return new MqttService(
      { log, answerer, clock, logger },
      {
        ...link,
        baseTopic: mqtt.base_topic,
        deviceId: device.id,
        clientId: mqtt.client_id,
        protocol: mqtt.protocol,
        ackTimeoutMs: mqtt.ack_timeout,
        window: mqtt.window,
        retainVerdict: mqtt.retain_verdict,
      },
    );
  }
}
