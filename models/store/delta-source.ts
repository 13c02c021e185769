import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { pipeline, type Readable } from "node:stream";
import { createBrotliDecompress } from "node:zlib";
import { SightlineError } from "../../runtime/base/errors.ts";
import { canonicalJson } from "../bundle/canonical-json.ts";
import { parseManifest } from "../bundle/manifest.ts";
import { blobFile } from "../bundle/packed.ts";
import { envelopeOf } from "../bundle/signature.ts";
import { add, CHUNK_BYTES } from "./delta-codec.ts";
import { type DeltaBlob, type DeltaHeader, readDelta, type Segment } from "./delta-file.ts";
import { manifestOfVersion } from "./installed.ts";
import { readModelFolder } from "./model-folder.ts";
import { type OpenFile, openFile } from "./open-file.ts";
import type { BundleSource } from "./source.ts";
import type { Store } from "./store.ts";

/**
 * The bundle that a delta makes of an installed version, current or previous. Its files are rebuilt while they are
 * read, a piece at a time. Errors: ERR_MODEL_DELTA (damaged, no such version), ERR_MODEL_MISSING, _MANIFEST, _STORE.
 */
export async function deltaSource(store: Store, path: string): Promise<BundleSource> {
  const { header, offsets } = await readDelta(path);
  const manifestText = canonicalJson(header.manifest);
  if (digestOf(manifestText) !== header.to) {
    throw new SightlineError("ERR_MODEL_DELTA", `${path}: its manifest differs from the one that it names`);
  }
  const base = await findBase(store, path, header);
  const byFile = new Map(header.blobs.map((blob) => [blobFile(blob.sha256), blob]));
  return {
    place: path,
    manifestText,
    signatureText: header.signatures && JSON.stringify(envelopeOf(manifestText, header.signatures)),
    damaged: "ERR_MODEL_DELTA",
    read(file) {
      const blob = byFile.get(file);
      if (!blob) return asDelta(path, createReadStream(join(base, file)));
      return asDelta(path, rebuild(path, { base, blob, offset: offsets.get(blob) ?? 0 }));
    },
    close: async () => {},
  };
}

/** What a manifest is known by in a delta. */
export const digestOf = (manifestText: string): string =>
  createHash("sha256").update(manifestText).digest("hex");

async function findBase(store: Store, path: string, { manifest, from }: DeltaHeader): Promise<string> {
  const { name } = parseManifest(JSON.stringify(manifest), path);
  const { folder, current, previous } = await readModelFolder(store, name);
  for (const version of [current, previous]) {
    if (version === undefined) continue;
    const place = join(folder, version);
    if (digestOf(await manifestOfVersion(place)) === from) return place;
  }
  const has = current ? `${name} ${[current, previous].filter(Boolean).join(" and ")}` : `no ${name}`;
  throw new SightlineError(
    "ERR_MODEL_DELTA",
    `${path} was made from a version that is not installed: the store has ${has}`,
  );
}

/** Whatever goes wrong while a file is rebuilt, the delta did not fit. */
async function* asDelta(path: string, content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  try {
    yield* content;
  } catch (error) {
    const { message } = SightlineError.wrap("ERR_MODEL_DELTA", error);
    throw new SightlineError("ERR_MODEL_DELTA", `${path}: ${message}`, { cause: error });
  }
}

async function* rebuild(
  path: string,
  { base, blob, offset }: { base: string; blob: DeltaBlob; offset: number },
): AsyncIterable<Uint8Array> {
  const old = blob.base && (await openFile(join(base, blobFile(blob.base)), "ERR_MODEL_DELTA"));
  const packed = createReadStream(path, { start: offset, end: offset + blob.packedBytes - 1 });
  const unpacked = pipeline(packed, createBrotliDecompress(), () => {});
  // A payload that is cut off is noticed ahead of its reader, or when that has gone: then no one else listens.
  unpacked.on("error", () => {});
  try {
    const payload = new Payload(unpacked);
    for (const segment of blob.segments) yield* rebuildSegment(segment, payload, old || undefined);
    await payload.expectEnd();
  } finally {
    unpacked.destroy();
    if (old) await old.close();
  }
}

async function* rebuildSegment(
  { method, bytes, from }: Segment,
  payload: Payload,
  old: OpenFile | undefined,
): AsyncIterable<Uint8Array> {
  for (let done = 0; done < bytes; done += CHUNK_BYTES) {
    const count = Math.min(CHUNK_BYTES, bytes - done);
    if (from === undefined) {
      yield await payload.take(count);
      continue;
    }
    const oldBytes = new Uint8Array(count);
    if (!old) throw new SightlineError("ERR_MODEL_DELTA", "a segment has no base");
    await old.read(oldBytes, from + done);
    if (method === "copy" || method === "new") yield oldBytes;
    else yield add(method, await payload.take(count), oldBytes);
  }
}

/** A stream of which so many bytes at a time are taken; no more is decompressed than that. */
class Payload {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  async take(count: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let missing = count; missing > 0; ) {
      if (this.#rest.length === 0 && !(await this.#more())) {
        throw new SightlineError("ERR_MODEL_DELTA", "a payload ends early");
      }
      const piece = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(piece.length);
      pieces.push(piece);
      missing -= piece.length;
    }
    return Buffer.concat(pieces);
  }

  async expectEnd(): Promise<void> {
    if (this.#rest.length === 0 && !(await this.#more())) return;
    throw new SightlineError("ERR_MODEL_DELTA", "a payload continues past its end");
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#chunks.next();
    if (!done) this.#rest = value;
    return !done;
  }
}
