import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type ErrorCode, SightlineError } from "../../../runtime/base/errors.ts";
import type { Logger } from "../../../runtime/base/logger.ts";
import { freeTensor, type TensorSpec } from "../../../runtime/tensor/tensor.ts";
import { problemOf } from "../problem.ts";
import { type Body, BodyBuffers, readBody } from "./body-buffers.ts";
import { datatypeOf } from "./datatypes.ts";
import type { InferenceModel, InferenceModels } from "./inference-models.ts";
import { readInferRequest } from "./read-request.ts";
import type { Statistics } from "./statistics.ts";
import { writeInferResponse } from "./write-response.ts";

interface Deps {
  logger: Logger;
  models: InferenceModels;
  statistics: Statistics;
  /** Sightline's own. */
  version: string;
}

export interface OipOptions {
  bodyBytesMax: number;
}

/** All requests under way have as many bytes together as so many of the largest ones. */
const BODIES_IN_FLIGHT = 4;
const EXTENSIONS = ["binary_tensor_data", "model_repository", "statistics", "model_configuration"];
const JSON_LENGTH = "inference-header-content-length";

const STATUS: Partial<Record<ErrorCode, number>> = {
  ERR_MODEL_UNKNOWN: 404,
  ERR_MODEL_BUDGET: 503,
  ERR_MODEL_QUARANTINED: 503,
  ERR_SESSION_CLOSED: 503,
  ERR_DEADLINE: 503,
};

/** The Open Inference Protocol v2 (KServe, Triton) below `/v2`; its errors are `{error: text}`. docs/inference.md */
export function oipRoutes(server: FastifyInstance, deps: Deps, options: OipOptions): void {
  void server.register(async (scope) => {
    scope.setErrorHandler((error, request, reply) => answerError(deps.logger, error, request, reply));
    scope.removeAllContentTypeParsers();
    const buffers = new BodyBuffers(BODIES_IN_FLIGHT * options.bodyBytesMax);
    scope.addContentTypeParser("*", (request: FastifyRequest, payload: IncomingMessage) =>
      readBody(payload, buffers, {
        length: lengthIn(request.headers["content-length"]),
        alignAt: lengthIn(headerOf(request)) ?? 0,
        max: options.bodyBytesMax,
      }),
    );
    // Whatever becomes of the request, its bytes are no longer in flight when the connection is done with it.
    scope.addHook("preHandler", async ({ body }, reply) => {
      reply.raw.once("close", () => (body as Body | undefined)?.release());
    });
    serverRoutes(scope, deps);
    repositoryRoutes(scope, deps);
    for (const path of ["/v2/models/:model", "/v2/models/:model/versions/:version"]) {
      modelRoutes(scope, path, deps);
      scope.post(`${path}/infer`, { bodyLimit: options.bodyBytesMax }, (request, reply) =>
        infer(request, reply, { ...deps, buffers }),
      );
    }
  });
}

function answerError(logger: Logger, error: unknown, request: FastifyRequest, reply: FastifyReply) {
  const { body, status } = problemOf(error);
  const { code, hint, message } = body.error;
  const mapped = STATUS[code] ?? status;
  if (mapped === 500) logger.error({ err: error, url: request.url }, "inference request failed");
  return reply.status(mapped).send({ error: `${code}: ${message}. ${hint}` });
}

function serverRoutes(scope: FastifyInstance, { models, version }: Deps): void {
  scope.get("/v2", async () => ({ name: "sightline", version, extensions: EXTENSIONS }));
  scope.get("/v2/health/live", async () => ({ live: true }));
  scope.get("/v2/health/ready", async (_, reply) => {
    const ready = models.list().every(({ reason }) => reason === "");
    return reply.status(ready ? 200 : 503).send({ live: true, ready });
  });
}

function repositoryRoutes(scope: FastifyInstance, { models, statistics }: Deps): void {
  scope.post("/v2/repository/index", async (request) => {
    const wanted = readyOnly(request.body);
    return models
      .list()
      .filter(({ isReady }) => isReady || !wanted)
      .map(({ isReady, name, reason, version }) => ({
        name,
        version: version ?? "",
        state: isReady ? "READY" : "UNAVAILABLE",
        reason,
      }));
  });
  for (const verb of ["load", "unload"] as const) {
    scope.post(`/v2/repository/models/:model/${verb}`, async (request, reply) => {
      await models[verb](modelIn(request));
      return reply.send({});
    });
  }
  scope.get("/v2/models/stats", async () => ({
    model_stats: models.list().map(({ name, version }) => statistics.of(name, version ?? "")),
  }));
}

function modelRoutes(scope: FastifyInstance, path: string, { models, statistics }: Deps): void {
  scope.get(path, async (request) => {
    const { inputs, name, outputs, version } = await metadataIn(models, request);
    return {
      ...{ name, versions: [version], platform: "onnx_onnxv1" },
      inputs: inputs.map(specOf),
      outputs: outputs.map(specOf),
    };
  });
  scope.get(`${path}/config`, async (request) => {
    const { inputs, maxBatch, name, outputs } = await metadataIn(models, request);
    return {
      ...{ name, platform: "onnxruntime_onnx", backend: "onnxruntime" },
      // By the protocol's words 0 is a model whose shapes are whole; of others the batch's dimension is left out.
      max_batch_size: maxBatch > 1 ? maxBatch : 0,
      input: inputs.map((spec) => configOf(spec, maxBatch > 1)),
      output: outputs.map((spec) => configOf(spec, maxBatch > 1)),
    };
  });
  scope.get(`${path}/ready`, async (request, reply) => {
    const { isReady, name } = await infoIn(models, request);
    return reply.status(isReady ? 200 : 503).send({ name, ready: isReady });
  });
  scope.get(`${path}/stats`, async (request) => {
    const { name, version } = await infoIn(models, request);
    return { model_stats: [statistics.of(name, version)] };
  });
}

async function infer(
  request: FastifyRequest,
  reply: FastifyReply,
  { buffers, models, statistics }: Deps & { buffers: BodyBuffers },
): Promise<FastifyReply> {
  const given = request.body as Body | undefined;
  try {
    const { body, jsonLength } = await withModel(models, request, async (model, name) => {
      const begunMs = performance.now();
      const wanted = readInferRequest(given?.bytes ?? Buffer.alloc(0), headerOf(request), model);
      const inputMs = performance.now() - begunMs;
      const made = await model.infer(wanted.feeds);
      const ranMs = performance.now();
      try {
        const { jsonLength, parts } = writeInferResponse({ name, version: model.version }, wanted, made);
        const answer = { body: joined(buffers, parts), jsonLength };
        statistics.countConversion(name, { inputMs, outputMs: performance.now() - ranMs });
        return answer;
      } finally {
        // The answer is a copy; JavaScript would keep megabytes of each until it collects.
        for (const tensor of Object.values(made)) freeTensor(tensor);
      }
    });
    reply.raw.once("close", body.release);
    if (jsonLength === undefined) return reply.type("application/json").send(body.bytes);
    return reply.type("application/octet-stream").header(JSON_LENGTH, jsonLength).send(body.bytes);
  } finally {
    given?.release();
  }
}

function joined(buffers: BodyBuffers, parts: readonly Buffer[]): Body {
  const body = buffers.take(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    body.bytes.set(part, at);
    at += part.length;
  }
  return body;
}

async function withModel<T>(
  models: InferenceModels,
  request: FastifyRequest,
  use: (model: InferenceModel, name: string) => Promise<T>,
): Promise<T> {
  const name = modelIn(request);
  const { model, release } = await models.lease(name);
  try {
    checkVersion(request, name, model.version);
    return await use(model, name);
  } finally {
    release();
  }
}

/** A client that reads about a model does not open it, and pushes no other one out. */
async function metadataIn(models: InferenceModels, request: FastifyRequest) {
  const name = modelIn(request);
  const metadata = await models.describe(name);
  checkVersion(request, name, metadata.version);
  return { name, ...metadata };
}

async function infoIn(models: InferenceModels, request: FastifyRequest) {
  const name = modelIn(request);
  const info = models.list().find((each) => each.name === name);
  if (!info) throw new SightlineError("ERR_MODEL_UNKNOWN", `there is no model "${name}"`);
  const version = info.version ?? (await models.describe(name)).version;
  checkVersion(request, name, version);
  return { ...info, version };
}

function checkVersion({ params }: FastifyRequest, name: string, version: string): void {
  const { version: wanted = version } = params as { version?: string };
  if (wanted === version) return;
  throw new SightlineError("ERR_MODEL_UNKNOWN", `"${name}" has the version ${version}, not ${wanted}`);
}

const modelIn = ({ params }: FastifyRequest): string => (params as { model: string }).model;

function headerOf({ headers }: FastifyRequest): string | undefined {
  const value = headers[JSON_LENGTH];
  return value === undefined ? undefined : String(value);
}

/** Of a header that says a length; undefined where it says none, or another thing. */
const lengthIn = (header: string | undefined): number | undefined =>
  header !== undefined && /^\d{1,10}$/.test(header) ? Number(header) : undefined;

/** `{"ready": true}` asks for those alone that are. */
function readyOnly(body: unknown): boolean {
  try {
    const value: unknown = JSON.parse((body as Body | undefined)?.bytes.toString() ?? "{}");
    return (value as { ready?: unknown } | null)?.ready === true;
  } catch {
    return false;
  }
}

const specOf = ({ dims, dtype, name }: TensorSpec) => ({ name, datatype: datatypeOf(dtype), shape: dims });

const configOf = ({ dims, dtype, name }: TensorSpec, isBatch: boolean) => ({
  name,
  data_type: `TYPE_${datatypeOf(dtype)}`,
  dims: isBatch ? dims.slice(1) : dims,
});
