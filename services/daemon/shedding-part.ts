import { isDeepStrictEqual } from "node:util";
import type { Config } from "../../config/schema/schema.ts";
import type { Clock } from "../../runtime/base/clock.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import { readTemperature } from "../health/device.ts";
import type { ModelsPart } from "./models-part.ts";
import type { MqttPart } from "./mqtt-part.ts";
import type { Part, PartChange } from "./part.ts";
import { Shedder } from "./shedder.ts";

interface Deps {
  clock: Clock;
  logger: Logger;
  models: ModelsPart;
  mqtt: MqttPart;
}

/** Less work while the processor is hot, where the configuration wants it. */
export class SheddingPart implements Part {
  readonly name = "shedding";
  readonly sections = ["shedding"] as const;
  readonly #deps: Deps;
  #options: Config["shedding"];
  #shedder: Shedder | undefined;

  constructor(deps: Deps, { shedding }: Config) {
    this.#deps = deps;
    this.#options = shedding;
  }

  /** Free-running cameras have only one frame in this many judged. */
  get judgesEvery(): number {
    return this.#shedder?.judgesEvery ?? 1;
  }

  async start(): Promise<void> {
    const { models, mqtt } = this.#deps;
    if (!this.#options) return;
    this.#shedder = new Shedder(
      {
        ...this.#deps,
        temperature: readTemperature,
        activate: (name, source) => models.activate(name, source),
        publish: (event) => mqtt.setState("shedding/event", event),
      },
      this.#options,
    );
    this.#shedder.start();
  }

  async stop(): Promise<void> {
    await this.#shedder?.stop();
  }

  /** What was shed is taken back first: the new steps are others. */
  async prepare({ shedding }: Config): Promise<PartChange | undefined> {
    if (isDeepStrictEqual(shedding, this.#options)) return undefined;
    const apply = async () => {
      await this.stop();
      await this.#shedder?.takeBack();
      [this.#options, this.#shedder] = [shedding, undefined];
      await this.start();
      return ["shedding"];
    };
    return { apply };
  }
}
