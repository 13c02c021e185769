import type { FastifyInstance } from "fastify";

/** What Prometheus is told. */
export interface MetricsText {
  readonly contentType: string;
  text(): Promise<string>;
}

/** `GET /metrics` in Prometheus' text format. */
export function metricsRoute(server: FastifyInstance, metrics: MetricsText): void {
  server.get("/metrics", async (_, reply) => reply.type(metrics.contentType).send(await metrics.text()));
}
