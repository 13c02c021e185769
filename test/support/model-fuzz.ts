import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { makeKeys } from "../../models/bundle/keys.ts";
import { canonicalManifest } from "../../models/bundle/signature.ts";
import { deltaPieces } from "../../models/store/delta-file.ts";
import { deltaSource } from "../../models/store/delta-source.ts";
import { install } from "../../models/store/install.ts";
import { openSource } from "../../models/store/open-source.ts";
import type { BundleSource } from "../../models/store/source.ts";
import { type Store, storeAt } from "../../models/store/store.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import { makeDelta } from "../../toolchain/delta/make-delta.ts";
import { packBundle } from "../../toolchain/pack/pack.ts";
import { mutate } from "../fuzz/random.ts";
import { sha256Of, writePacked } from "./packed-bundle.ts";

/** What is changed: one part of what an attacker may send. */
const KINDS = ["manifest", "signature", "blob", "tar", "delta", "delta header"] as const;
type Kind = (typeof KINDS)[number];

const TOKENS = [
  ...'[]{}:,"\\0 -1',
  ...["null", "1e999", '"__proto__":{},', '"../"', '"file":"/etc/passwd",', "\\ud800", "\u0000", "9.9.9"],
  ...['"copy"', '"new"', '"diff32"', '"bytes":1099511627776', '"from":0', "0".repeat(64)],
];

/** A signed bundle, everything that it can come as, and a store with the version before it. */
export interface FuzzWorld {
  folder: string;
  store: Store;
  /** Of the one bundle that may be installed. */
  manifest: string;
  signature: string;
  /** Its canonical form. */
  canonical: string;
  blob: Buffer;
  tar: Buffer;
  delta: Buffer;
}

/** Makes the world in an empty folder. */
export async function fuzzWorld(folder: string): Promise<FuzzWorld> {
  const { privatePem, publicPem } = makeKeys();
  const key = createPrivateKey(privatePem);
  const at = (name: string): string => join(folder, name);
  const tensors = [
    { name: "a", dtype: "int8", bytes: 700 },
    { name: "b", dtype: "float", bytes: 400 },
    { name: "c", dtype: "int4", bytes: 100 },
  ];
  const weights = (fill: number) =>
    Buffer.from(Uint8Array.from({ length: 1200 }, (_, i) => (i * i + fill * (i % 3)) >> 2));
  await writePacked(at("old"), { version: "1.0.0", weights: weights(0), tensors, key });
  await writePacked(at("new"), { version: "1.1.0", weights: weights(5), tensors, key });
  await packBundle(at("new"), { out: at("new.tar") });
  const pieces = await makeDelta(await openSource(at("old")), await openSource(at("new")));
  const template = storeAt({ root: at("template"), runtime: "0.2.0" });
  await mkdir(template.trust, { recursive: true });
  await writeFile(join(template.trust, "a.pem"), publicPem);
  await install(template, await openSource(at("old")));
  const world = {
    folder,
    store: storeAt({ root: at("store"), runtime: "0.2.0" }),
    manifest: await readFile(at("new/manifest.json"), "utf8"),
    signature: await readFile(at("new/manifest.sig.json"), "utf8"),
    canonical: canonicalManifest(await readFile(at("new/manifest.json"), "utf8")),
    blob: weights(5),
    tar: await readFile(at("new.tar")),
    delta: Buffer.concat([...pieces]),
  };
  await resetStore(world);
  return world;
}

/** One changed bundle is offered. Gives whether it was installed; fails when it should not have been. */
export async function fuzzRound(world: FuzzWorld, round: number, random: () => number): Promise<boolean> {
  const kind = KINDS[round % KINDS.length] ?? "manifest";
  try {
    const source = await offered(world, kind, random);
    await install(world.store, source).finally(() => source.close());
  } catch (error) {
    if (error instanceof SightlineError) return false;
    throw new Error(`round ${round}, ${kind}`, { cause: error });
  }
  const current = join(world.store.models, "parts/current");
  const text = await readFile(join(current, "manifest.json"), "utf8");
  assert.equal(text, world.canonical, `round ${round}, ${kind}`);
  const weights = await readFile(join(current, "blobs/sha256", sha256Of(world.blob)));
  assert.deepEqual(weights, world.blob, `round ${round}, ${kind}`);
  await resetStore(world);
  return true;
}

async function resetStore({ folder, store }: FuzzWorld): Promise<void> {
  await rm(store.root, { recursive: true, force: true });
  await cp(join(folder, "template"), store.root, { recursive: true, verbatimSymlinks: true });
}

async function offered(world: FuzzWorld, kind: Kind, random: () => number): Promise<BundleSource> {
  const { folder, store, manifest, signature, blob, tar, delta } = world;
  const file = join(folder, "offered");
  if (kind === "tar") {
    await writeFile(file, random() < 0.5 ? resealedTar(tar, random) : changedBytes(tar, random));
    return openSource(file);
  }
  if (kind === "delta" || kind === "delta header") {
    await writeFile(file, kind === "delta" ? changedDelta(delta, random) : changedHeader(delta, random));
    return deltaSource(store, file);
  }
  const change = (part: Kind, text: string) => (part === kind ? mutate(text, TOKENS, random) : text);
  const place = join(folder, "new");
  await writeFile(join(place, "manifest.json"), change("manifest", manifest));
  await writeFile(join(place, "manifest.sig.json"), change("signature", signature));
  const content = kind === "blob" ? changedBytes(blob, random) : blob;
  await writeFile(join(place, "blobs/sha256", sha256Of(blob)), content);
  return openSource(place);
}

/** Bits, bytes and stretches, at one to four places; seldom none. */
function changedBytes(bytes: Buffer, random: () => number): Buffer {
  let changed = Buffer.from(bytes);
  for (let left = Math.ceil(random() * 4.2 - 0.2); left > 0 && changed.length > 0; left--) {
    const at = Math.floor(random() * changed.length);
    const [before, rest] = [changed.subarray(0, at), changed.subarray(at)];
    const stretch = rest.subarray(0, Math.floor(random() ** 3 * 600));
    const ways = [
      () =>
        Buffer.concat([
          before,
          Buffer.from([(rest[0] ?? 0) ^ (1 << Math.floor(random() * 8))]),
          rest.subarray(1),
        ]),
      () => Buffer.concat([before, Buffer.from([random() * 256]), rest.subarray(1)]),
      () => Buffer.concat([before, stretch, rest]),
      () => Buffer.concat([before, rest.subarray(stretch.length)]),
      () => before,
    ];
    changed = ways[Math.floor(random() * ways.length)]?.() ?? changed;
  }
  return changed;
}

/** A header of the tar is changed, and its checksum made right. */
function resealedTar(tar: Buffer, random: () => number): Buffer {
  const changed = Buffer.from(tar);
  const headers: number[] = [];
  for (let at = 0; at < tar.length; at += 512)
    if (tar.toString("latin1", at + 257, at + 262) === "ustar") headers.push(at);
  const header = changed.subarray(headers[Math.floor(random() * headers.length)] ?? 0).subarray(0, 512);
  for (let left = 1 + random() * 3; left > 0; left--) {
    const text = ["0", "7", "5", "2", "\0", "/", "..", "77777777777"][Math.floor(random() * 8)] ?? "";
    header.write(text, Math.floor(random() * 500));
  }
  header.write("        ", 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return changed;
}

/** Half of the time its digest is made right again, so that what lies behind is reached. */
function changedDelta(delta: Buffer, random: () => number): Buffer {
  if (random() < 0.5) return changedBytes(delta, random);
  const payloads = 12 + delta.readUInt32LE(8);
  const payload = changedBytes(delta.subarray(payloads, -32), random);
  return Buffer.concat([...deltaPieces(delta.subarray(12, payloads), [payload])]);
}

function changedHeader(delta: Buffer, random: () => number): Buffer {
  const payloads = 12 + delta.readUInt32LE(8);
  const text = mutate(brotliDecompressSync(delta.subarray(12, payloads)).toString(), TOKENS, random);
  const header = brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } });
  return Buffer.concat([...deltaPieces(header, [delta.subarray(payloads, -32)])]);
}
