import fastify, { type FastifyInstance } from "fastify";
import { SightlineError } from "../../runtime/base/errors.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import { type EvidenceFiles, evidenceRoute } from "./evidence-route.ts";
import { type FrameInlet, framesRoute } from "./frames-route.ts";
import { admit } from "./guard.ts";
import { LiveSockets, type LiveViews, liveRoute } from "./live-routes.ts";
import { type MetricsText, metricsRoute } from "./metrics-route.ts";
import type { InferenceModels } from "./oip/inference-models.ts";
import { oipRoutes } from "./oip/oip-routes.ts";
import type { Statistics } from "./oip/statistics.ts";
import { problemOf } from "./problem.ts";

export interface HttpOptions {
  host: string;
  /** 0: a free one. */
  port: number;
  token: string | undefined;
  bodyBytesMax: number;
}

interface Deps {
  logger: Logger;
  health(): Promise<object>;
  metrics: MetricsText;
  /** What the Open Inference Protocol gives access to. */
  inference: InferenceModels;
  statistics: Statistics;
  /** Sightline's own. */
  version: string;
  /** Cameras that take frames by HTTP. */
  inlets(): Readonly<Record<string, FrameInlet>>;
  evidence: EvidenceFiles;
  /** Of each camera that a pipeline watches. */
  live(): LiveViews;
}

const UPLOADS_MAX = 8;
const ANSWER_LIMIT_MS = 30_000;
const CONNECTIONS_MAX = 128;
/** A body that trickles in holds one of the uploads' places. */
const REQUEST_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 1_000;

/** The device by HTTP: frames in, verdicts, health, pictures out. The one door to Fastify. */
export class HttpServer {
  readonly #deps: Deps;
  readonly #options: HttpOptions;
  #server: FastifyInstance | undefined;

  constructor(deps: Deps, options: HttpOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Where it listens, `127.0.0.1:8080`; undefined before start. */
  get address(): string | undefined {
    const address = this.#server?.server.address();
    return typeof address === "object" && address ? `${address.address}:${address.port}` : undefined;
  }

  /** Errors: ERR_HTTP_LISTEN. */
  async start(): Promise<void> {
    const { host, port } = this.#options;
    const server = this.#build();
    try {
      await server.listen({ host, port });
    } catch (error) {
      throw SightlineError.wrap("ERR_HTTP_LISTEN", error, `${host}:${port}`);
    }
    server.server.maxConnections = CONNECTIONS_MAX;
    this.#server = server;
    this.#deps.logger.info({ address: this.address }, "HTTP server is listening");
  }

  /** Answers what is under way for a moment, then closes every connection. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    for (const view of Object.values(this.#deps.live())) view.end();
    const limit = setTimeout(() => server.server.closeAllConnections(), STOP_LIMIT_MS);
    await server.close();
    clearTimeout(limit);
  }

  #build(): FastifyInstance {
    const { evidence, health, inlets, live, logger, metrics } = this.#deps;
    const { bodyBytesMax, token } = this.#options;
    const server = fastify({
      logger: false,
      // A HEAD of the live view would never end.
      exposeHeadRoutes: false,
      forceCloseConnections: "idle",
      requestTimeout: REQUEST_LIMIT_MS,
      routerOptions: { ignoreTrailingSlash: true, maxParamLength: 64 },
    });
    server.removeAllContentTypeParsers();
    server.setErrorHandler((error, request, reply) => {
      const { body, status } = problemOf(error);
      if (status === 500)
        logger.error({ err: error, method: request.method, url: request.url }, "HTTP request failed");
      // The rest of a body that was refused is not worth reading.
      if (status >= 400 && request.method === "POST") reply.header("connection", "close");
      return reply.status(status).send(body);
    });
    server.setNotFoundHandler((request) => {
      throw new SightlineError("ERR_HTTP_NOT_FOUND", `there is no ${request.method} ${request.url}`);
    });
    server.addHook("onRequest", async (request) => {
      // Whether the device lives may be asked by anyone who can reach it; load balancers and watchdogs send no token.
      if (request.url !== "/health") admit(request.headers, token);
    });
    server.get("/health", () => health());
    metricsRoute(server, metrics);
    evidenceRoute(server, evidence);
    liveRoute(server, live);
    const sockets = new LiveSockets({ views: live, admit: ({ headers }) => admit(headers, token) });
    server.server.on("upgrade", (request, socket, head) => sockets.upgrade(request, socket, head));
    const { inference: models, statistics, version } = this.#deps;
    oipRoutes(server, { logger, models, statistics, version }, { bodyBytesMax });
    framesRoute(server, inlets, { bodyBytesMax, uploadsMax: UPLOADS_MAX, answerLimitMs: ANSWER_LIMIT_MS });
    return server;
  }
}
