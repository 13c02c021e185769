import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { SightlineError } from "../../runtime/base/errors.ts";
import { type ReceivedFrame, receivedFrame } from "../../runtime/pipeline/received-frame.ts";

/** What one pipeline made of a frame; `error`: nothing was made of it. */
export type FrameAnswer =
  | { pipeline: string; results: readonly object[] }
  | { pipeline: string; error: SightlineError };

/** A camera that takes frames: resolves with an answer a pipeline. Errors: ERR_CAMERA_CLOSED, ERR_QUEUE_FULL. */
export interface FrameInlet {
  push(frame: ReceivedFrame & { origin: string }): Promise<FrameAnswer[]>;
}

export interface FramesOptions {
  bodyBytesMax: number;
  /** Bodies that are read at a time, over all cameras: what they take is bounded, however many ask. */
  uploadsMax: number;
  answerLimitMs: number;
}

interface Params {
  camera: string;
}

const TYPES = ["image/jpeg", "image/png", "image/webp", "image/tiff", "application/octet-stream"];

/** `POST /cameras/{camera}/frames`: a picture in, the verdict of each of the camera's pipelines out. */
export function framesRoute(
  server: FastifyInstance,
  inlets: () => Readonly<Record<string, FrameInlet>>,
  options: FramesOptions,
): void {
  const uploads = new Set<FastifyRequest>();
  const inletOf = ({ params }: FastifyRequest): FrameInlet => {
    const { camera } = params as Params;
    const present = inlets();
    const inlet = Object.hasOwn(present, camera) ? present[camera] : undefined;
    if (inlet) return inlet;
    throw new SightlineError("ERR_HTTP_NOT_FOUND", `no camera "${camera}" has source: http`);
  };
  server.addContentTypeParser(TYPES, { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  server.route({
    method: "POST",
    url: "/cameras/:camera/frames",
    bodyLimit: options.bodyBytesMax,
    // Before any of the body is read.
    onRequest: async (request, reply) => {
      inletOf(request);
      if (uploads.size >= options.uploadsMax)
        throw new SightlineError("ERR_QUEUE_FULL", `${uploads.size} pictures are already being received`);
      uploads.add(request);
      reply.raw.once("close", () => uploads.delete(request));
    },
    preHandler: async (request) => void uploads.delete(request),
    handler: async (request, reply) => {
      const frame = receivedFrame(request.body as Buffer, toldBy(request));
      const answers = inletOf(request).push({ ...frame, origin: `http ${request.ip}` });
      return answer(reply, await within(options.answerLimitMs, answers));
    },
  });
}

/** `part_id` may be said as `?part_id=` or as the header `X-Part-Id`. */
function toldBy({ headers, query }: FastifyRequest): (name: string) => string | undefined {
  return (name) => {
    const value = (query as Record<string, unknown>)[name] ?? headers[`x-${name.replaceAll("_", "-")}`];
    return value === undefined ? undefined : String(value);
  };
}

/** 200 when every pipeline has judged it, an `error` verdict included; else 503, with what there is. */
function answer(reply: FastifyReply, answers: readonly FrameAnswer[]): object {
  if (answers.some((one) => "error" in one)) reply.status(503);
  return { results: answers.flatMap((one) => ("results" in one ? one.results : withoutResult(one))) };
}

const withoutResult = ({ error, pipeline }: { pipeline: string; error: SightlineError }) => ({
  pipeline,
  verdict: "error",
  error: error.toRecord(),
});

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new SightlineError("ERR_HTTP_LATE", `no verdict within ${limitMs} ms`)),
    limitMs,
  );
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}
