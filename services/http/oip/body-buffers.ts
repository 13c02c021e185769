import type { Readable } from "node:stream";
import { SightlineError } from "../../../runtime/base/errors.ts";

/** Bytes of one request or answer, until they are given back. */
export interface Body {
  bytes: Buffer;
  /** May be called twice; `bytes` are somebody else's then. */
  release(): void;
}

/** Of freed memory, at most so much waits for the next request. */
const KEPT_BYTES_MAX = 32 * 2 ** 20;
const STEP_BYTES = 64 * 1024;
/** Where tensors begin, when the request says how long what stands before them is. */
const ALIGNMENT_BYTES = 64;

/**
 * Memory of bodies, used again: with memory of its own for each, the garbage collector took longer than a small model's
 * run, as every 64 MiB outside of JavaScript's heap have it look through all of that.
 */
export class BodyBuffers {
  readonly #free: ArrayBuffer[] = [];
  readonly #inFlightBytesMax: number;
  #keptBytes = 0;
  #inFlightBytes = 0;

  constructor(inFlightBytesMax: number) {
    this.#inFlightBytesMax = inFlightBytesMax;
  }

  /** Counts bytes that come in, or with a minus go. Errors: ERR_QUEUE_FULL, and then they are not counted. */
  count(bytes: number): void {
    if (bytes > 0 && this.#inFlightBytes + bytes > this.#inFlightBytesMax) {
      const message = `requests in flight have ${this.#inFlightBytes} bytes; at most ${this.#inFlightBytesMax} are allowed`;
      throw new SightlineError("ERR_QUEUE_FULL", message);
    }
    this.#inFlightBytes += bytes;
  }

  /** `bytes` bytes of whatever was there before; byte `alignAt` of them lies at a multiple of 64. */
  take(bytes: number, alignAt = 0): Body {
    const size = Math.ceil((bytes + ALIGNMENT_BYTES) / STEP_BYTES) * STEP_BYTES;
    const buffer = this.#taken(size) ?? new ArrayBuffer(size);
    const offset = (ALIGNMENT_BYTES - (alignAt % ALIGNMENT_BYTES)) % ALIGNMENT_BYTES;
    let isTaken = true;
    const release = () => {
      if (isTaken) this.#keep(buffer);
      isTaken = false;
    };
    return { bytes: Buffer.from(buffer, offset, bytes), release };
  }

  #taken(size: number): ArrayBuffer | undefined {
    const i = this.#free.findIndex(({ byteLength }) => byteLength === size);
    if (i < 0) return undefined;
    this.#keptBytes -= size;
    return this.#free.splice(i, 1)[0];
  }

  #keep(buffer: ArrayBuffer): void {
    this.#free.push(buffer);
    this.#keptBytes += buffer.byteLength;
    while (this.#keptBytes > KEPT_BYTES_MAX) {
      const oldest = this.#free.shift();
      this.#keptBytes -= oldest?.byteLength ?? 0;
      oldest?.transfer(0);
    }
  }
}

/**
 * Reads a body of `length` bytes, or of as many as come where that is undefined. Errors: ERR_HTTP_BODY_SIZE,
 * ERR_HTTP_REQUEST (it ended early, or with more).
 */
export async function readBody(
  stream: Readable,
  buffers: BodyBuffers,
  { alignAt, length, max }: { length: number | undefined; alignAt: number; max: number },
): Promise<Body> {
  if (length === undefined) return readUnknown(stream, buffers, max);
  if (length > max) throw tooLarge(length, max);
  buffers.count(length);
  const body = counted(buffers, buffers.take(length, alignAt));
  try {
    let at = 0;
    for await (const chunk of chunksOf(stream)) {
      if (at + chunk.length > length) throw cut(`more than the announced ${length} bytes arrived`);
      body.bytes.set(chunk, at);
      at += chunk.length;
      freeChunk(chunk);
    }
    if (at < length) throw cut(`only ${at} of ${length} bytes arrived`);
    return body;
  } catch (error) {
    body.release();
    throw error instanceof SightlineError ? error : SightlineError.wrap("ERR_HTTP_REQUEST", error);
  }
}

async function readUnknown(stream: Readable, buffers: BodyBuffers, max: number): Promise<Body> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of chunksOf(stream)) {
      if (length + chunk.length > max) throw tooLarge(length + chunk.length, max);
      buffers.count(chunk.length);
      length += chunk.length;
      chunks.push(chunk);
    }
  } catch (error) {
    buffers.count(-length);
    throw error;
  }
  const body = counted(buffers, buffers.take(length));
  let at = 0;
  for (const chunk of chunks) {
    body.bytes.set(chunk, at);
    at += chunk.length;
  }
  return body;
}

/** Its bytes are in flight until it is released. */
function counted(buffers: BodyBuffers, { bytes, release }: Body): Body {
  let isCounted = true;
  return {
    bytes,
    release: () => {
      if (isCounted) buffers.count(-bytes.length);
      isCounted = false;
      release();
    },
  };
}

/** Given up, the stream stays open: the connection has to carry the refusal. */
const chunksOf = (stream: Readable): AsyncIterable<Buffer> => stream.iterator({ destroyOnReturn: false });

/** What the parser gave has memory of its own, which nobody else reads. */
function freeChunk({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

const tooLarge = (length: number, max: number): SightlineError =>
  new SightlineError("ERR_HTTP_BODY_SIZE", `${length} bytes; at most ${max} are allowed`);

const cut = (message: string): SightlineError => new SightlineError("ERR_HTTP_REQUEST", message);
