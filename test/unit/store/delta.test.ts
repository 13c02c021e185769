import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { mkdir, readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";
import { brotliCompress, brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { beforeEach, describe, expect, it } from "vitest";
import { openBundle } from "../../../models/bundle/bundle.ts";
import { makeKeys } from "../../../models/bundle/keys.ts";
import { type DeltaHeader, deltaPieces } from "../../../models/store/delta-file.ts";
import { deltaSource } from "../../../models/store/delta-source.ts";
import { type Installed, install } from "../../../models/store/install.ts";
import { openSource } from "../../../models/store/open-source.ts";
import { rollback } from "../../../models/store/rollback.ts";
import { type Store, storeAt } from "../../../models/store/store.ts";
import { makeDelta } from "../../../toolchain/delta/make-delta.ts";
import { randomFrom } from "../../fuzz/random.ts";
import { type PackedParts, sha256Of, writePacked } from "../../support/packed-bundle.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { bytesOf, packedNibbles, quantized, realTensors, retrained } from "../../support/weights.ts";

let folder: string;
let store: Store;
let packed = 0;
beforeEach(async () => {
  folder = await tempFolder();
  store = storeAt({ root: join(folder, "store"), runtime: "0.2.0" });
});

const refused = (code: string, message: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

async function bundle(parts: PackedParts): Promise<string> {
  const place = join(folder, `bundle-${packed++}`);
  await writePacked(place, parts);
  return place;
}

const installFrom = async (place: string): Promise<Installed> => install(store, await openSource(place));

async function deltaOf(old: string, next: string): Promise<Buffer> {
  return Buffer.concat([...(await makeDelta(await openSource(old), await openSource(next)))]);
}

async function apply(delta: Buffer): Promise<Installed> {
  const file = join(folder, "delta");
  await writeFile(file, delta);
  return install(store, await deltaSource(store, file));
}

/** The header of a delta, changed, in a file whose digest is right. */
function resealed(delta: Buffer, change: (header: DeltaHeader) => void): Buffer {
  const payloads = 12 + delta.readUInt32LE(8);
  const header = JSON.parse(brotliDecompressSync(delta.subarray(12, payloads)).toString());
  change(header);
  return Buffer.concat([
    ...deltaPieces(brotliCompressSync(JSON.stringify(header)), [delta.subarray(payloads, -32)]),
  ]);
}

const bytes = (count: number, from = 0): Buffer =>
  Buffer.from(Uint8Array.from({ length: count }, (_, i) => from + ((i * i) >> 5)));
const table = (...tensors: [name: string, dtype: string, bytes: number][]) =>
  tensors.map(([name, dtype, size]) => ({ name, dtype, bytes: size }));

describe("a delta", () => {
  it("makes the new version of the old one, signature and all", async () => {
    const { privatePem, publicPem } = makeKeys();
    await mkdir(store.trust, { recursive: true });
    await writeFile(join(store.trust, "a.pem"), publicPem);
    const key = createPrivateKey(privatePem);
    const tensors = table(
      ["a", "int8", 3000],
      ["b", "int4", 500],
      ["c", "float", 800],
      ["d", "float16", 202],
    );
    const weights = bytes(4502);
    const next = Buffer.from(weights);
    for (const i of [5, 3100, 3501, 4400]) next[i] = (next[i] ?? 0) + 1;
    const old = await bundle({ version: "1.0.0", weights, tensors, key });
    const newer = await bundle({ version: "1.1.0", weights: next, tensors, key, graph: bytes(400, 3) });
    await installFrom(old);
    const delta = await deltaOf(old, newer);
    expect(await apply(delta)).toMatchObject({ version: "1.1.0", addedBytes: 4902, wasCurrent: false });
    const { stages } = await openBundle(join(store.models, "parts/current"));
    expect(await readFile(stages[0]?.weights?.path ?? "")).toEqual(next);
    expect(await apply(delta)).toMatchObject({ wasCurrent: true, addedBytes: 0 });
  });

  it("finds tensors that moved, grew, came and went", async () => {
    const [a, b, head, bigger] = [bytes(2000), bytes(1000, 7), bytes(300, 9), bytes(360, 11)];
    const old = await bundle({
      version: "1.0.0",
      weights: Buffer.concat([a, b, head]),
      tensors: table(["a", "int8", 2000], ["b", "int8", 1000], ["head", "int8", 300]),
    });
    const next = await bundle({
      version: "1.1.0",
      weights: Buffer.concat([b, bigger, a, bytes(40)]),
      tensors: table(["b", "int8", 1000], ["head", "int8", 360], ["a", "int8", 2000]),
    });
    await installFrom(old);
    await apply(await deltaOf(old, next));
    expect((await openBundle(join(store.models, "parts/current"))).manifest.version).toBe("1.1.0");
  });

  it("is next to nothing for tensors that only changed places", async () => {
    const random = randomFrom(1);
    const [a, b] = [4000, 8000].map((count) =>
      Buffer.from(Uint8Array.from({ length: count }, () => random() * 256)),
    );
    assert(a && b);
    const there = {
      weights: Buffer.concat([a, b]),
      tensors: table(["a", "int8", 4000], ["b", "int8", 8000]),
    };
    const back = { weights: Buffer.concat([b, a]), tensors: table(["b", "int8", 8000], ["a", "int8", 4000]) };
    const [old, next] = [
      await bundle({ version: "1.0.0", ...there }),
      await bundle({ version: "1.1.0", ...back }),
    ];
    await installFrom(old);
    const delta = await deltaOf(old, next);
    expect(delta.length).toBeLessThan(1000);
    expect(await apply(delta)).toMatchObject({ addedBytes: 12_000 });
  });

  it("is made for files without a table of tensors, too", async () => {
    for (const [version, graph] of [
      ["1.0.0", bytes(70_001)],
      ["1.1.0", bytes(70_001, 1)],
      ["1.2.0", bytes(60_000)],
    ] as const) {
      const place = await bundle({ version, graph });
      if (version === "1.0.0") await installFrom(place);
      else await apply(await deltaOf(join(store.models, "parts/current"), place));
    }
    expect((await openBundle(join(store.models, "parts/current"))).bytes).toBe(60_000);
  });

  it("fits the current and the previous version, and no other", async () => {
    const places: string[] = [];
    for (const version of ["1.0.0", "1.1.0", "1.2.0", "1.3.0"]) {
      places.push(await bundle({ version, graph: Buffer.from(version) }));
    }
    const [first = "", second = "", third = "", last = ""] = places;
    const delta = await deltaOf(second, last);
    await expect(apply(delta)).rejects.toEqual(refused("ERR_MODEL_DELTA", "the store has no parts"));
    await installFrom(first);
    await expect(apply(delta)).rejects.toEqual(refused("ERR_MODEL_DELTA", "the store has parts 1.0.0"));
    await installFrom(second);
    await installFrom(third);
    await rollback(store, "parts");
    await rollback(store, "parts");
    expect(await apply(delta)).toMatchObject({ version: "1.3.0" });
  });

  it("is refused with any bit of it changed, and at any shorter length", async () => {
    const old = await bundle({ version: "1.0.0", weights: bytes(300), tensors: table(["a", "int8", 300]) });
    const next = await bundle({
      version: "1.1.0",
      weights: bytes(300, 1),
      tensors: table(["a", "int8", 300]),
    });
    await installFrom(old);
    const delta = await deltaOf(old, next);
    for (let i = 0; i < delta.length; i += 7) {
      const flipped = Buffer.from(delta);
      flipped.writeUInt8(flipped.readUInt8(i) ^ (1 << (i % 8)), i);
      await expect(apply(flipped)).rejects.toEqual(refused("ERR_MODEL_DELTA", "delta"));
      await expect(apply(delta.subarray(0, i))).rejects.toEqual(refused("ERR_MODEL_DELTA", "delta"));
    }
    expect(await readlink(join(store.models, "parts/current"))).toBe("1.0.0");
    expect(await readdir(store.tmp)).toEqual([]);
  });

  it("is refused when it claims what is not so, though its digest is right", async () => {
    const old = await bundle({ version: "1.0.0", weights: bytes(300), tensors: table(["a", "int8", 300]) });
    const next = await bundle({
      version: "1.1.0",
      weights: bytes(300, 1),
      tensors: table(["a", "int8", 300]),
    });
    await installFrom(old);
    const delta = await deltaOf(old, next);
    const claims: ((header: DeltaHeader) => void)[] = [
      (header) => Object.assign(header.blobs[0]?.segments[0] ?? {}, { bytes: 2 ** 40 }),
      (header) => Object.assign(header.blobs[0]?.segments[0] ?? {}, { bytes: 299 }),
      (header) => Object.assign(header.blobs[0]?.segments[0] ?? {}, { from: 1 }),
      (header) => Object.assign(header.blobs[0] ?? {}, { base: "0".repeat(64) }),
      (header) => Object.assign(header.blobs[0] ?? {}, { base: undefined }),
      (header) => Object.assign(header.blobs[0] ?? {}, { segments: [{ method: "new", bytes: 300 }] }),
      (header) => Object.assign(header.blobs[0] ?? {}, { packedBytes: 2 }),
      (header) => Object.assign(header.blobs[0] ?? {}, { sha256: "0".repeat(64) }),
      (header) => Object.assign(header, { from: sha256Of("other") }),
      (header) => Object.assign(header.manifest, { version: "2.0.0" }),
      (header) => Object.assign(header, { extra: 1 }),
    ];
    for (const [i, claim] of claims.entries()) {
      await expect(apply(resealed(delta, claim)), `claim ${i}`).rejects.toMatchObject({
        code: "ERR_MODEL_DELTA",
      });
    }
    expect(await readlink(join(store.models, "parts/current"))).toBe("1.0.0");
    expect(await apply(resealed(delta, () => {}))).toMatchObject({ version: "1.1.0" });
  });

  it("may be cut off where its reader has gone already", async () => {
    const graph = bytes(3_000_000, 3);
    const old = await bundle({ version: "1.0.0" });
    await installFrom(old);
    const delta = await deltaOf(old, await bundle({ version: "1.1.0", graph }));
    const payloads = 12 + delta.readUInt32LE(8);
    const header = JSON.parse(brotliDecompressSync(delta.subarray(12, payloads)).toString());
    const payload = delta.subarray(payloads, -33);
    header.blobs[0].packedBytes = payload.length;
    header.blobs[0].base = sha256Of("not there");
    const file = join(folder, "cut");
    await writeFile(
      file,
      Buffer.concat([...deltaPieces(brotliCompressSync(JSON.stringify(header)), [payload])]),
    );
    const source = await deltaSource(store, file);
    await expect(install(store, source)).rejects.toMatchObject({ code: "ERR_MODEL_DELTA" });
    // An error that no one hears would end the process, and this test run.
    await setImmediate();
  });

  it("unpacks no more than it says", async () => {
    const old = await bundle({ version: "1.0.0", graph: bytes(300) });
    const next = await bundle({ version: "1.1.0", graph: bytes(310) });
    await installFrom(old);
    const delta = await deltaOf(old, next);
    const bomb = brotliCompressSync(Buffer.alloc(2 ** 28), {
      params: { [constants.BROTLI_PARAM_QUALITY]: 1 },
    });
    const payloads = 12 + delta.readUInt32LE(8);
    const header = JSON.parse(brotliDecompressSync(delta.subarray(12, payloads)).toString());
    header.blobs[0].packedBytes = bomb.length;
    const packedHeader = brotliCompressSync(JSON.stringify(header));
    const before = process.memoryUsage.rss();
    await expect(apply(Buffer.concat([...deltaPieces(packedHeader, [bomb])]))).rejects.toMatchObject({
      code: "ERR_MODEL_DELTA",
    });
    await expect(apply(Buffer.concat([...deltaPieces(bomb, [])]))).rejects.toMatchObject({
      code: "ERR_MODEL_DELTA",
    });
    expect(process.memoryUsage.rss() - before).toBeLessThan(2 ** 27);
  });
});

/** Goals of an update over the air, on the weights of the shipped model. */
describe("the size of a delta", () => {
  // A part of them: the best compression takes its time.
  const tensors = realTensors().filter(({ values }) => values.length < 20_000);
  const full = async (...blobs: Buffer[]) =>
    (await Promise.all(blobs.map((blob) => promisify(brotliCompress)(blob)))).reduce(
      (sum, { length }) => sum + length,
      0,
    );

  async function share(
    encode: (values: Float32Array, like: Float32Array) => Buffer,
    dtype: string,
    noise: (i: number) => number,
  ): Promise<number> {
    const olds = tensors.map(({ values }) => encode(values, values));
    const news = tensors.map(({ values }, i) => encode(retrained(values, noise(i), i + 1), values));
    const named = tensors.map(({ name }, i) => ({ name, dtype, bytes: olds[i]?.length ?? 0 }));
    const place = async (version: string, parts: Buffer[]) =>
      bundle({ version, weights: Buffer.concat(parts), tensors: named });
    const [old, next] = [await place("1.0.0", olds), await place("1.1.0", news)];
    const delta = await deltaOf(old, next);
    await installFrom(old);
    await apply(delta);
    return delta.length / (await full(Buffer.concat(news)));
  }

  const int8 = (values: Float32Array, like: Float32Array) => bytesOf(quantized(values, like));
  const int4 = (values: Float32Array, like: Float32Array) =>
    bytesOf(packedNibbles(quantized(values, like, 7)));
  /** The last tensors that make a tenth of the weights. */
  const headNoise = (i: number): number => {
    const behind = tensors.slice(i).reduce((sum, { values }) => sum + values.length, 0);
    const all = tensors.reduce((sum, { values }) => sum + values.length, 0);
    return behind <= all / 10 ? 0.01 : 0;
  };

  it("is at most 30 % when int8 weights moved by 1 % of their rms", async () => {
    const found = await share(int8, "int8", () => 0.01);
    console.info(`int8, all moved by 1 %: ${(100 * found).toFixed(1)} %`);
    expect(found).toBeLessThan(0.3);
  });

  it("is at most 10 % when only the last tenth moved", async () => {
    const found = await share(int8, "int8", headNoise);
    console.info(`int8, head only: ${(100 * found).toFixed(1)} %`);
    expect(found).toBeLessThan(0.1);
  });

  it("is less for int4, more for float", async () => {
    const four = await share(int4, "int4", () => 0.01);
    store = storeAt({ root: join(folder, "second"), runtime: "0.2.0" });
    const float = await share(
      (values) => bytesOf(values),
      "float",
      () => 0.01,
    );
    console.info(`all moved by 1 %: int4 ${(100 * four).toFixed(1)} %, float ${(100 * float).toFixed(1)} %`);
    expect(four).toBeLessThan(0.3);
    expect(float).toBeLessThan(0.8);
  });
});
