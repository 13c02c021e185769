import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { brotliDecompressSync } from "node:zlib";
import * as z from "zod";
import { SightlineError } from "../../runtime/base/errors.ts";
import { sha256 } from "../bundle/scalars.ts";
import { isWhole, METHODS } from "./delta-codec.ts";
import { type OpenFile, openFile } from "./open-file.ts";

/**
 * A delta file, from its beginning to its end:
 *
 *     8 bytes      SLDELTA1
 *     4 bytes      length of the header, little-endian
 *     header       JSON, compressed with Brotli (RFC 7932)
 *     payloads     one Brotli stream for each blob of the header, in this order
 *     32 bytes     sha256 of all before it
 *
 * The digest finds damage early; who made the file is known from the signature of the manifest in it.
 */
const MAGIC = Buffer.from("SLDELTA1");
const DIGEST_BYTES = 32;
const MAX_HEADER_BYTES = 2 ** 23;

/** A stretch of a blob; `from` is where its old bytes begin in the base, and absent when there are none. */
const segmentSchema = z
  .strictObject({
    method: z.enum(METHODS),
    bytes: z.int().min(1),
    from: z.int().min(0).optional(),
  })
  .refine(({ method, from }) => (method === "new") === (from === undefined))
  .refine(({ method, bytes }) => isWhole(method, bytes));

/** A file of the new bundle that the old one lacks: its segments follow each other without a gap. */
const blobSchema = z.strictObject({
  sha256,
  /** The old bundle's file that the segments start from. */
  base: sha256.optional(),
  packedBytes: z.int().min(1),
  segments: z.array(segmentSchema).min(1),
});

const headerSchema = z.strictObject({
  format: z.literal("sightline.delta/1"),
  /** Digests of the canonical manifests. */
  from: sha256,
  to: sha256,
  manifest: z.record(z.string(), z.unknown()),
  /** Of the envelope, whose payload is the manifest again. */
  signatures: z.array(z.strictObject({ keyid: sha256, sig: z.base64() })).optional(),
  blobs: z.array(blobSchema),
});

export type DeltaHeader = z.output<typeof headerSchema>;
export type DeltaBlob = DeltaHeader["blobs"][number];
export type Segment = DeltaBlob["segments"][number];

/** A delta whose digest is right. */
export interface DeltaFile {
  header: DeltaHeader;
  /** Where each blob's payload begins. */
  offsets: ReadonlyMap<DeltaBlob, number>;
}

/** Errors: ERR_MODEL_DELTA, ERR_MODEL_MISSING. */
export async function readDelta(path: string): Promise<DeltaFile> {
  const file = await openFile(path, "ERR_MODEL_DELTA");
  try {
    await checkDigest(path, file);
    const start = Buffer.alloc(MAGIC.length + 4);
    await file.read(start, 0);
    if (!start.subarray(0, MAGIC.length).equals(MAGIC)) throw refusal(path, "it is not a delta");
    const packed = start.readUInt32LE(MAGIC.length);
    const payloads = start.length + packed;
    if (payloads > file.bytes - DIGEST_BYTES) throw refusal(path, "its header is cut off");
    const content = Buffer.alloc(packed);
    await file.read(content, start.length);
    const header = parseHeader(path, content);
    return { header, offsets: offsetsOf(path, header, payloads, file.bytes - DIGEST_BYTES) };
  } finally {
    await file.close();
  }
}

/** The pieces of a delta file, in order. `header` is JSON that was compressed with Brotli. */
export function* deltaPieces(header: Buffer, payloads: readonly Buffer[]): Iterable<Buffer> {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  const hash = createHash("sha256");
  for (const piece of [MAGIC, length, header, ...payloads]) {
    hash.update(piece);
    yield piece;
  }
  yield hash.digest();
}

async function checkDigest(path: string, file: OpenFile): Promise<void> {
  const end = file.bytes - DIGEST_BYTES;
  if (end < MAGIC.length + 4) throw refusal(path, "it is too short for a delta");
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { end: end - 1 }), hash);
  const written = Buffer.alloc(DIGEST_BYTES);
  await file.read(written, end);
  if (!hash.digest().equals(written)) throw refusal(path, "it is damaged: its digest is wrong");
}

function parseHeader(path: string, packed: Buffer): DeltaHeader {
  try {
    const json = brotliDecompressSync(packed, { maxOutputLength: MAX_HEADER_BYTES });
    const parsed = headerSchema.safeParse(JSON.parse(json.toString("utf8")));
    if (parsed.success) return parsed.data;
  } catch (error) {
    throw SightlineError.wrap("ERR_MODEL_DELTA", error, path);
  }
  throw refusal(path, "its header is not valid");
}

function offsetsOf(path: string, { blobs }: DeltaHeader, from: number, to: number): Map<DeltaBlob, number> {
  let offset = from;
  const offsets = new Map<DeltaBlob, number>();
  for (const blob of blobs) {
    offsets.set(blob, offset);
    offset += blob.packedBytes;
  }
  if (offset === to) return offsets;
  throw refusal(path, "its payloads do not have the length that its header says");
}

const refusal = (path: string, message: string): SightlineError =>
  new SightlineError("ERR_MODEL_DELTA", `${path}: ${message}`);
