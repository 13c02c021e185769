import { createHash } from "node:crypto";
import type { Config } from "../../config/schema/schema.ts";
import type { Clock } from "../../runtime/base/clock.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import type { Kernels } from "../../runtime/native/index.ts";
import { InfoPublisher } from "./info-publisher.ts";
import { ModelTopics } from "./model-topics.ts";
import type { ModelsPart } from "./models-part.ts";
import type { MqttPart } from "./mqtt-part.ts";
import type { Part } from "./part.ts";

interface Deps {
  clock: Clock;
  logger: Logger;
  version: string;
  kernels: Kernels;
  models: ModelsPart;
  mqtt: MqttPart;
  bootId: string;
  /** The one in force. */
  config(): Config;
}

/** What the device is and which models it has, on its topics. */
export class InfoPart implements Part {
  readonly name = "info";
  readonly #deps: Deps;
  readonly #topics: ModelTopics;
  readonly #publisher: InfoPublisher;

  constructor(deps: Deps) {
    const { clock, config, models, mqtt } = deps;
    this.#deps = deps;
    this.#topics = new ModelTopics(clock, mqtt);
    this.#publisher = new InfoPublisher({
      mqtt,
      device: config().device,
      fixed: () => this.#fixed(),
      current: () => this.#current(),
    });
    models.manager.onEvent((event) => {
      this.#topics.tell(event);
      this.#publisher.publishSoon();
    });
  }

  async start(): Promise<void> {
    const { logger, models } = this.#deps;
    this.#topics.begin(models.manager.status());
    await this.#publisher.start();
    logger.info(this.#publisher.read(), "started");
  }

  async stop(): Promise<void> {
    this.#publisher.stop();
  }

  /** After a change. */
  publish(): void {
    this.#publisher.publish();
  }

  #fixed(): object {
    const { bootId, clock, kernels, models, version } = this.#deps;
    const { provider } = models;
    return {
      version,
      node: process.versions.node,
      onnxruntime: provider.runtimeVersion,
      execution_provider: provider.name,
      slots: provider.slots,
      kernels: kernels.chosen(),
      boot_id: bootId,
      started_at: new Date(clock.wallMs()).toISOString(),
    };
  }

  #current(): object {
    const { config, models } = this.#deps;
    return {
      models: models.manager.status().map(({ bundle, ...status }) => ({
        ...status,
        bundle: bundle?.name ?? null,
        version: bundle?.version ?? null,
        sha256: bundle?.sha256 ?? null,
        variant: bundle?.variant ?? null,
      })),
      model_memory: models.manager.memory(),
      config_hash: createHash("sha256").update(JSON.stringify(config())).digest("hex"),
    };
  }
}
