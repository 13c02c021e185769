import { isDeepStrictEqual } from "node:util";
import { listenAddress } from "../../config/schema/http.ts";
import type { Config } from "../../config/schema/schema.ts";
import type { Clock } from "../../runtime/base/clock.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import type { InspectionResult } from "../../runtime/pipeline/result.ts";
import type { HealthReporter } from "../health/health-reporter.ts";
import type { HttpServer } from "../http/http-server.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { EvidencePart } from "./evidence-part.ts";
import { inferenceModels } from "./inference.ts";
import type { LinesPart } from "./lines-part.ts";
import type { ModelsPart } from "./models-part.ts";
import type { Part, PartChange } from "./part.ts";

interface Deps {
  clock: Clock;
  logger: Logger;
  version: string;
  evidence: EvidencePart;
  lines: LinesPart;
  models: ModelsPart;
  reporter: HealthReporter;
}

/** The HTTP server and what it counts, where the configuration wants one. */
export class HttpPart implements Part {
  readonly name = "http";
  readonly sections = ["http"] as const;
  readonly #deps: Deps;
  #options: Config["http"];
  #server: HttpServer | undefined;
  #metrics: Metrics | undefined;
  #stopCounting = (): void => {};

  constructor(deps: Deps, { http }: Config) {
    this.#deps = deps;
    this.#options = http;
  }

  /** Errors: ERR_HTTP_LISTEN. */
  async start(): Promise<void> {
    this.#server = await this.#make(this.#options);
    await this.#server?.start();
  }

  /** Answers what is under way for a moment. */
  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#stopCounting();
  }

  countResult(result: InspectionResult): void {
    this.#metrics?.countResult(result);
  }

  /** A server that cannot listen where it is wanted now is said; the old one is back then. */
  async prepare({ http }: Config): Promise<PartChange | undefined> {
    if (isDeepStrictEqual(http, this.#options)) return undefined;
    const apply = async () => {
      const before = this.#options;
      await this.stop();
      try {
        this.#options = http;
        await this.start();
      } catch (error) {
        this.#options = before;
        await this.start();
        throw error;
      }
      return ["http"];
    };
    return { apply };
  }

  /** Its modules are loaded here alone: a device without a server does not have them in memory. */
  async #make(http: Config["http"]): Promise<HttpServer | undefined> {
    if (!http) return undefined;
    const { HttpServer } = await import("../http/http-server.ts");
    const { Statistics } = await import("../http/oip/statistics.ts");
    const { clock, evidence, lines, logger, models, reporter, version } = this.#deps;
    const metrics = await this.#openMetrics();
    const statistics = new Statistics();
    const stops = [
      models.batches.onRecord((record) => statistics.count(record, clock.wallMs())),
      models.batches.onRecord((record) => metrics.countBatch(record)),
    ];
    this.#metrics = metrics;
    this.#stopCounting = () => {
      for (const stop of stops) stop();
      this.#metrics = undefined;
    };
    return new HttpServer(
      {
        ...{ metrics, statistics, version, logger },
        health: () => reporter.read(),
        inference: inferenceModels(models.manager, (name) => models.maxBatchOf(name)),
        inlets: () => lines.lines.each(({ inlet }) => inlet),
        evidence: (path) => evidence.fileOf(path),
        live: () => lines.lines.each(({ live }) => live),
      },
      { ...listenAddress(http.listen), token: http.token, bodyBytesMax: http.max_body },
    );
  }

  async #openMetrics(): Promise<Metrics> {
    const { Metrics } = await import("../metrics/metrics.ts");
    const { models, reporter } = this.#deps;
    return new Metrics(async () => ({
      ...(await reporter.read()),
      models: models.manager.status(),
      model_memory: models.manager.memory(),
    }));
  }
}
