import { connectAsync, type IClientOptions, type IPublishPacket, type MqttClient } from "mqtt";
import { onTestFinished } from "vitest";

export interface Received {
  topic: string;
  text: string;
  packet: IPublishPacket;
}

/** Someone who listens to a broker with MQTT 5 and can wait for messages. */
export class Subscriber {
  readonly received: Received[] = [];
  #changed = (): void => {};
  #client: MqttClient | undefined;

  static async connect(port: number, filter = "#", options: IClientOptions = {}): Promise<Subscriber> {
    const subscriber = new Subscriber();
    await subscriber.connect(port, filter, options);
    return subscriber;
  }

  /** Also after the broker was replaced by a fresh one, which knows nothing of earlier subscriptions. */
  async connect(port: number, filter = "#", options: IClientOptions = {}): Promise<void> {
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, {
      protocolVersion: 5,
      reconnectPeriod: 0,
      ...options,
    });
    this.#client = client;
    client.on("message", (topic, payload, packet) => {
      this.received.push({ topic, text: payload.toString(), packet });
      this.#changed();
    });
    await client.subscribeAsync(filter, { qos: 1 });
    onTestFinished(() => client.endAsync(true));
  }

  async publish(topic: string, payload: string): Promise<void> {
    await this.#client?.publishAsync(topic, payload, { qos: 1 });
  }

  on(topic: string): Received[] {
    return this.received.filter((message) => message.topic === topic);
  }

  /** `seq` of each result in the order of its first arrival: what a consumer sees that drops known ids. */
  firstSeqs(topic: string): number[] {
    return [...new Set(this.on(topic).map(({ text }) => Number(JSON.parse(text).seq)))];
  }

  /** Resolves when `condition` holds, looking after each message. The test's own time limit ends a vain wait. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }
}
