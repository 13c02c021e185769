import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
import { canonicalJson } from "../../models/bundle/canonical-json.ts";
import type { Manifest } from "../../models/bundle/manifest.ts";
import { blobsOf } from "../../models/bundle/packed.ts";
import { canonicalManifest, checkEnvelope } from "../../models/bundle/signature.ts";
import { CHUNK_BYTES, isWhole, type Method, methodOf, subtract } from "../../models/store/delta-codec.ts";
import {
  type DeltaBlob,
  type DeltaHeader,
  deltaPieces,
  type Segment,
} from "../../models/store/delta-file.ts";
import { digestOf } from "../../models/store/delta-source.ts";
import {
  type BundleSource,
  type CheckedManifest,
  checkManifest,
  verifiedContent,
} from "../../models/store/source.ts";

/**
 * Measured on int8 weights whose codes moved by 1 % of their rms: 11 gives deltas a seventh smaller than 9. It
 * takes some 3 s/MB, once, where the delta is made; unpacking is as fast as ever.
 */
const QUALITY = 11;
/** Good enough to tell which of several ways is the shortest. */
const QUICK_QUALITY = 5;

/**
 * What makes the bundle `next` of the bundle `old`, as pieces of a file. Errors: those of bundles that are not packed,
 * not valid or damaged.
 */
export async function makeDelta(old: BundleSource, next: BundleSource): Promise<Iterable<Buffer>> {
  const [from, to] = [checkPacked(old), checkPacked(next)];
  const olds = new Set(blobsOf(from.manifest).map(({ sha256 }) => sha256));
  const bases = partsOf(from.manifest);
  const packed: { blob: DeltaBlob; payload: Buffer }[] = [];
  for (const [role, part] of partsOf(to.manifest)) {
    const isKnown = olds.has(part.sha256) || packed.some(({ blob }) => blob.sha256 === part.sha256);
    if (!isKnown) packed.push(await pack({ old, next }, part, bases.get(role)));
  }
  const envelope = next.signatureText === undefined ? undefined : checkEnvelope(next.signatureText, to);
  const header: DeltaHeader = {
    format: "sightline.delta/1",
    from: digestOf(canonicalManifest(from.text)),
    to: digestOf(canonicalManifest(to.text)),
    manifest: JSON.parse(to.text),
    ...(envelope && { signatures: envelope.signatures }),
    blobs: packed.map(({ blob }) => blob),
  };
  return deltaPieces(
    await compress([Buffer.from(canonicalJson(header))], QUALITY),
    packed.map(({ payload }) => payload),
  );
}

function checkPacked(source: BundleSource): CheckedManifest {
  const checked = checkManifest(source, []);
  blobsOf(checked.manifest);
  return checked;
}

/** A file of a bundle; `tensors` of one that holds weights. */
interface Part {
  file: string;
  sha256: string;
  bytes: number;
  tensors: { name: string; dtype: string; offset: number; bytes: number }[];
}

/** A bundle's files by what they are for, so that old and new find each other. */
function partsOf({ variants }: Manifest): Map<string, Part> {
  const parts = new Map<string, Part>();
  for (const { name, stages } of variants) {
    for (const [i, { file, sha256, bytes, weights }] of stages.entries()) {
      parts.set(`${name} ${i} graph`, { file, sha256, bytes, tensors: [] });
      if (weights) parts.set(`${name} ${i} weights`, weights);
    }
  }
  return parts;
}

async function pack(
  { old, next }: { old: BundleSource; next: BundleSource },
  part: Part,
  base: Part | undefined,
): Promise<{ blob: DeltaBlob; payload: Buffer }> {
  const now = await contentOf(next, part);
  const before = base ? await contentOf(old, base) : Buffer.alloc(0);
  const plans = base ? waysFrom(base, part, { now, before }) : [];
  const segments = await shortest([...plans, [{ method: "new", bytes: part.bytes }]], { now, before });
  const payload = await compress(differences(segments, { now, before }), QUALITY);
  const usesBase = segments.some(({ from }) => from !== undefined);
  const blob = { sha256: part.sha256, packedBytes: payload.length, segments: merged(segments) };
  return { blob: usesBase && base ? { ...blob, base: base.sha256 } : blob, payload };
}

interface Contents {
  now: Buffer;
  before: Buffer;
}

/** Tensors of the same name and kind are compared with each other, files of the same length byte by byte. */
function waysFrom(base: Part, part: Part, { now, before }: Contents): Segment[][] {
  if (part.tensors.length > 0) return [byTensor(base, part, { now, before })];
  if (base.bytes !== part.bytes) return [];
  const words = part.bytes - (part.bytes % 4);
  return [
    [{ method: "diff8", bytes: part.bytes, from: 0 }],
    [
      { method: "diff32", bytes: words, from: 0 } as const,
      { method: "diff8", bytes: part.bytes - words, from: words } as const,
    ].filter(({ bytes }) => bytes > 0),
  ];
}

function byTensor(base: Part, part: Part, { now, before }: Contents): Segment[] {
  const olds = new Map(
    base.tensors.map((tensor) => [`${tensor.name} ${tensor.dtype} ${tensor.bytes}`, tensor]),
  );
  const segments: Segment[] = [];
  let end = 0;
  const fillTo = (offset: number) => {
    if (offset > end) segments.push({ method: "new", bytes: offset - end });
  };
  for (const { name, dtype, offset, bytes } of part.tensors) {
    const old = olds.get(`${name} ${dtype} ${bytes}`);
    if (!old || bytes === 0) continue;
    fillTo(offset);
    end = offset + bytes;
    const isSame = now.subarray(offset, end).equals(before.subarray(old.offset, old.offset + bytes));
    const method = isWhole(methodOf(dtype), bytes) ? methodOf(dtype) : "diff8";
    segments.push({ method: isSame ? "copy" : method, bytes, from: old.offset });
  }
  fillTo(part.bytes);
  return segments;
}

/** Copies that follow each other in both files are one. */
function merged(segments: readonly Segment[]): Segment[] {
  const result: Segment[] = [];
  for (const segment of segments) {
    const last = result.at(-1);
    const follows = last?.from !== undefined && last.from + last.bytes === segment.from;
    if (last?.method === "copy" && segment.method === "copy" && follows) last.bytes += segment.bytes;
    else result.push({ ...segment });
  }
  return result;
}

async function shortest(ways: readonly Segment[][], contents: Contents): Promise<Segment[]> {
  const tried = await Promise.all(
    ways.map(async (segments) => ({
      segments,
      bytes: (await compress(differences(segments, contents), QUICK_QUALITY)).length,
    })),
  );
  return tried.sort((a, b) => a.bytes - b.bytes)[0]?.segments ?? [];
}

function differences(segments: readonly Segment[], { now, before }: Contents): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let offset = 0;
  for (const { method, bytes, from = 0 } of segments) {
    for (let done = 0; done < bytes; done += CHUNK_BYTES) {
      const count = Math.min(CHUNK_BYTES, bytes - done);
      const piece = now.subarray(offset + done, offset + done + count);
      pieces.push(difference(method, piece, before.subarray(from + done, from + done + count)));
    }
    offset += bytes;
  }
  return pieces;
}

function difference(method: Method, now: Buffer, old: Buffer): Uint8Array {
  if (method === "copy") return new Uint8Array(0);
  return method === "new" ? now : subtract(method, new Uint8Array(now), old);
}

async function contentOf(source: BundleSource, part: Part): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(verifiedContent(source, part)));
}

function compress(pieces: readonly Uint8Array[], quality: number): Promise<Buffer> {
  const content = Buffer.concat(pieces);
  return promisify(brotliCompress)(content, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: quality,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    },
  });
}
