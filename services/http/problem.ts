import { type ErrorCode, type ErrorRecord, SightlineError } from "../../runtime/base/errors.ts";

const STATUS: Partial<Record<ErrorCode, number>> = {
  ERR_HTTP_DENIED: 401,
  ERR_HTTP_NOT_FOUND: 404,
  ERR_HTTP_REQUEST: 400,
  ERR_HTTP_BODY_TYPE: 415,
  ERR_HTTP_BODY_SIZE: 413,
  ERR_HTTP_LATE: 504,
  ERR_FRAME_INVALID: 400,
  ERR_IMAGE_EMPTY: 400,
  ERR_QUEUE_FULL: 503,
  ERR_CAMERA_CLOSED: 503,
  ERR_STORE_WRITE: 503,
};

/** Fastify's own refusals, by their codes. */
const FASTIFY: Record<string, ErrorCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "ERR_HTTP_BODY_SIZE",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "ERR_HTTP_BODY_TYPE",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "ERR_HTTP_REQUEST",
};

/** What a request is answered with when it fails. An error that is none of ours is a defect: 500. */
export function problemOf(error: unknown): { status: number; body: { error: ErrorRecord } } {
  const ours = translated(error);
  return { status: STATUS[ours.code] ?? 500, body: { error: ours.toRecord() } };
}

function translated(error: unknown): SightlineError {
  if (error instanceof SightlineError) return error;
  const { code = "", statusCode = 500 } = error as { code?: string; statusCode?: number };
  const known = FASTIFY[code] ?? (statusCode < 500 ? "ERR_HTTP_REQUEST" : undefined);
  if (known) return SightlineError.wrap(known, error);
  return new SightlineError("ERR_HTTP_FAILED", "the request failed; the log says why", { cause: error });
}
