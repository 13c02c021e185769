import type { Config } from "../../config/schema/schema.ts";
import { type Answer, refusal } from "../../runtime/base/answer.ts";
import type { Clock } from "../../runtime/base/clock.ts";
import { type ErrorRecord, SightlineError } from "../../runtime/base/errors.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import { Turns } from "../../runtime/base/turns.ts";
import { openKernels } from "../../runtime/native/index.ts";
import { readBootId } from "../health/device.ts";
import { type ReadConfiguration, refuseFixed } from "./configuration.ts";
import { EvidencePart } from "./evidence-part.ts";
import { HealthPart } from "./health-part.ts";
import { HttpPart } from "./http-part.ts";
import { InfoPart } from "./info-part.ts";
import { LinesPart } from "./lines-part.ts";
import { ModelsPart } from "./models-part.ts";
import { MqttPart } from "./mqtt-part.ts";
import type { Part, PartChange } from "./part.ts";
import { Requests } from "./requests.ts";
import { ServiceManagerPart } from "./service-manager-part.ts";
import { SheddingPart } from "./shedding-part.ts";
import { stopWithin } from "./stop-within.ts";
import { StorePart } from "./store-part.ts";

const STOP_LIMIT_MS = 10_000;

interface Deps {
  logger: Logger;
  clock: Clock;
  /** Sightline's own version. */
  version: string;
  /** Reads the configuration again, for a reload. */
  read: ReadConfiguration;
}

/** What a reload did. */
export interface Reloaded {
  /** `cameras.top`, `pipelines of top`, `models.pcb`, `http`, …; empty when the file says what it said before. */
  changed: readonly string[];
}

/**
 * The composition root: the one place that knows every part and joins it to its configuration. `#boot` is the order of
 * start; stop goes the other way.
 */
export class Daemon {
  readonly #deps: Deps;
  readonly #abort = new AbortController();
  readonly #parts: Part[] = [];
  readonly #ended = Promise.withResolvers<void>();
  /** Starting and reloading, one after the other. */
  readonly #turns = new Turns();
  #config: Config;
  #configError: ErrorRecord | null = null;
  #tellReload = (_: object): void => {};
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(deps: Deps, config: Config) {
    this.#deps = deps;
    this.#config = config;
  }

  /**
   * Resolves once frames flow; a broker that is away does not hold it up. When a part cannot start, those before it are
   * stopped. Errors: ERR_STORE_OPEN, ERR_MODEL_*, …; ERR_SESSION_CANCELLED when it was stopped meanwhile.
   */
  async start(): Promise<void> {
    this.#starting ??= this.#turns.take(() => this.#boot());
    try {
      await this.#starting;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Settles when every source has come to its end (`repeat: once`); never for cameras. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /**
   * Goes over to what the configuration's file says now, each part with its smallest restart; during the start, after it.
   * What cannot be changed refuses the whole, and so does a part that cannot get ready. Errors: ERR_RELOAD,
   * ERR_CONFIG_*, those of opening; they are also said in `health` and on `R/config/event`.
   */
  reload(): Promise<Reloaded> {
    return this.#turns.take(() => this.#reload());
  }

  /** Judges the frames in flight, stores and publishes what was decided. A start under way ends. May be called twice. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** The boot sequence: sinks before sources, so that nothing is decided that could not be stored. */
  async #boot(): Promise<void> {
    const config = this.#config;
    const { clock, logger, version } = this.#deps;
    const shared = { clock, logger };
    const bootId = await readBootId();
    const kernels = openKernels(config.engine.kernels === "generic" ? [] : undefined);
    const answerer = (request: string, args: unknown) => this.#answer(request, args);

    const { outbox } = await this.#start(new StorePart(shared, config));
    const evidence = await this.#start(new EvidencePart(shared, config));
    const mqtt = await this.#start(new MqttPart({ ...shared, outbox, answerer }, config));
    const models = new ModelsPart({ ...shared, kernels }, config);
    const info = new InfoPart({
      ...{ ...shared, version, kernels, models, mqtt, bootId },
      config: () => this.#config,
    });
    await this.#start(models);
    await this.#start(info);
    const shedding = await this.#start(new SheddingPart({ ...shared, models, mqtt }, config));
    const lines: LinesPart = new LinesPart(
      {
        ...{ ...shared, kernels, outbox, mqtt, evidence, models, bootId },
        onResult: (result) => http.countResult(result),
        judgesEvery: () => shedding.judgesEvery,
      },
      config,
    );
    const health = new HealthPart(
      {
        ...{ ...shared, answerer, outbox, mqtt, evidence, models, lines },
        pipelines: () => Object.keys(this.#config.pipelines),
        configError: () => this.#configError,
      },
      config,
    );
    const { reporter } = health;
    const http: HttpPart = new HttpPart({ ...shared, version, evidence, lines, models, reporter }, config);
    const requests = new Requests({
      models: models.manager,
      batches: models.batches,
      health: () => reporter.read(),
      reload: () => this.reload(),
    });
    this.#answer = (request, args) => requests.answer(request, args);
    this.#tellReload = (event) => {
      mqtt.setState("config/event", { ts: new Date(clock.wallMs()).toISOString(), ...event });
      info.publish();
    };
    await this.#start(health);
    await this.#start(http);
    await this.#start(lines);
    await this.#start(new ServiceManagerPart({ logger, env: process.env, pid: process.pid }));
    void lines.lines.ended.then(() => this.#ended.resolve());
  }

  async #start<P extends Part>(part: P): Promise<P> {
    const { signal } = this.#abort;
    if (signal.aborted)
      throw new SightlineError("ERR_SESSION_CANCELLED", "the daemon was stopped while it was starting");
    this.#parts.push(part);
    await part.start(signal);
    return part;
  }

  async #stop(): Promise<void> {
    const { logger } = this.#deps;
    const within = (part: string, work: Promise<unknown> | undefined) =>
      stopWithin(logger, part, STOP_LIMIT_MS, work);
    this.#abort.abort();
    // Otherwise a reload that is under way could start a camera after all others have been stopped.
    await within(
      "start",
      this.#turns.take(async () => {}),
    );
    for (const part of this.#parts.toReversed()) await within(part.name, part.stop());
    logger.info({}, "stopped");
  }

  async #reload(): Promise<Reloaded> {
    if (this.#stopping) throw new SightlineError("ERR_RELOAD", "the daemon is stopping");
    try {
      const changed = await this.#change();
      this.#configError = null;
      this.#deps.logger.info({ changed }, "configuration applied");
      this.#tellReload({ type: "applied", changed, error: null });
      return { changed };
    } catch (error) {
      const refused = SightlineError.wrap("ERR_RELOAD", error);
      this.#configError = refused.toRecord();
      this.#deps.logger.error(
        { error: this.#configError },
        "configuration refused; the previous one stays in use",
      );
      this.#tellReload({ type: "refused", changed: [], error: this.#configError });
      throw refused;
    }
  }

  /** All parts get ready before the first one changes. */
  async #change(): Promise<string[]> {
    const read = this.#deps.read();
    const changeable = new Set<string>(this.#parts.flatMap(({ sections = [] }) => sections));
    refuseFixed(this.#config, read, changeable);
    const changes: PartChange[] = [];
    try {
      for (const part of this.#parts) changes.push(...[(await part.prepare?.(read.config)) ?? []].flat());
    } catch (error) {
      await Promise.all(changes.map((change) => change.discard?.()));
      throw error;
    }
    this.#config = read.config;
    const changed: string[] = [];
    for (const change of changes) changed.push(...(await change.apply()));
    for (const change of changes) await change.finish?.();
    return changed;
  }

  #answer = async (_: string, __: unknown): Promise<Answer> =>
    refusal(new SightlineError("ERR_REQUEST", "the daemon is starting"));
}
