import { isDeepStrictEqual } from "node:util";
import type { Config } from "../../config/schema/schema.ts";
import type { Answerer } from "../../runtime/base/answer.ts";
import type { Clock } from "../../runtime/base/clock.ts";
import type { ErrorRecord } from "../../runtime/base/errors.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import { ControlSocket } from "../health/control-socket.ts";
import { EventLoopMonitor } from "../health/event-loop.ts";
import { HealthReporter } from "../health/health-reporter.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { EvidencePart } from "./evidence-part.ts";
import type { LinesPart } from "./lines-part.ts";
import type { ModelsPart } from "./models-part.ts";
import type { MqttPart } from "./mqtt-part.ts";
import type { Part, PartChange } from "./part.ts";

interface Deps {
  clock: Clock;
  logger: Logger;
  answerer: Answerer;
  outbox: Outbox;
  mqtt: MqttPart;
  evidence: EvidencePart;
  models: ModelsPart;
  lines: LinesPart;
  pipelines(): readonly string[];
  /** Why the last change of the configuration was refused; null when it was not. */
  configError(): ErrorRecord | null;
}

/** How the device is, to whoever asks: at an interval over MQTT, at any time over the local socket. */
export class HealthPart implements Part {
  readonly name = "health";
  readonly sections = ["health"] as const;
  readonly reporter: HealthReporter;
  readonly #loop = new EventLoopMonitor();
  readonly #control: ControlSocket;
  #options: Config["health"];

  constructor(deps: Deps, { health, store }: Config) {
    const { answerer, clock, configError, evidence, lines, logger, models, mqtt, outbox, pipelines } = deps;
    this.#options = health;
    this.reporter = new HealthReporter(
      {
        ...{ clock, logger, loop: this.#loop, outbox, mqtt, pipelines, configError },
        evidence: () => evidence.stats,
        models: () => models.manager.memory(),
        cameras: () => lines.lines.each(({ camera }) => camera),
      },
      { intervalMs: health.interval, storePath: store.path },
    );
    this.#control = new ControlSocket(answerer, { folder: store.path });
  }

  /** Errors: ERR_STORE_OPEN. */
  async start(): Promise<void> {
    this.#loop.start();
    await this.reporter.start();
    await this.#control.start();
  }

  async stop(): Promise<void> {
    await this.#control.stop();
    await this.reporter.stop();
    this.#loop.stop();
  }

  async prepare({ health }: Config): Promise<PartChange | undefined> {
    if (isDeepStrictEqual(health, this.#options)) return undefined;
    const apply = async () => {
      this.#options = health;
      this.reporter.setInterval(health.interval);
      return ["health"];
    };
    return { apply };
  }
}
