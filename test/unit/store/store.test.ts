import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { chmod, mkdir, readdir, readlink, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { openBundle } from "../../../models/bundle/bundle.ts";
import { makeKeys } from "../../../models/bundle/keys.ts";
import { collectGarbage } from "../../../models/store/gc.ts";
import { type Installed, install } from "../../../models/store/install.ts";
import { listInstalled, verifyInstalled } from "../../../models/store/installed.ts";
import { openSource } from "../../../models/store/open-source.ts";
import { rollback } from "../../../models/store/rollback.ts";
import { type Store, storeAt, whileLocked } from "../../../models/store/store.ts";
import { packBundle } from "../../../toolchain/pack/pack.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { type PackedParts, sha256Of, writePacked } from "../../support/packed-bundle.ts";
import { tempFolder } from "../../support/temp-folder.ts";

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

async function installFrom(place: string): Promise<Installed> {
  const source = await openSource(place);
  return install(store, source).finally(() => source.close());
}

const weights = (fill: number): Buffer => Buffer.alloc(5000, fill);
const installVersion = async (version: string, more: Partial<PackedParts> = {}) =>
  installFrom(await bundle({ version, weights: weights(1), ...more }));
const blobPath = (content: Buffer): string => join(store.blobs, sha256Of(content));
const current = (): string => join(store.models, "parts/current");

describe("install", () => {
  it("makes a bundle that opens by itself, its files shared by hard links", async () => {
    expect(await installVersion("1.0.0")).toEqual({
      name: "parts",
      version: "1.0.0",
      addedBytes: 5007,
      signedBy: undefined,
      wasCurrent: false,
    });
    const { folder: place, stages } = await openBundle(current());
    expect(place).toBe(join(store.models, "parts/1.0.0"));
    const [stage] = stages;
    assert(stage?.weights);
    const { ino, nlink, mode } = await stat(stage.weights.path);
    expect([nlink, mode & 0o777]).toEqual([2, 0o444]);
    expect((await stat(blobPath(weights(1)))).ino).toBe(ino);
  });

  it("copies only what is new, and keeps the version before", async () => {
    await installVersion("1.0.0");
    expect((await installVersion("1.1.0", { graph: Buffer.from("newer") })).addedBytes).toBe(5);
    expect(await listInstalled(store)).toEqual([
      { name: "parts", current: "1.1.0", previous: "1.0.0", highest: "1.1.0", bytes: 5005 },
    ]);
    expect((await stat(blobPath(weights(1)))).nlink).toBe(3);
  });

  it("takes a tar as well", async () => {
    const tar = join(folder, "a.tar");
    await packBundle(await bundle({ version: "1.0.0", weights: weights(7) }), { out: tar });
    expect(await installFrom(tar)).toMatchObject({ version: "1.0.0", addedBytes: 5007 });
    expect((await openBundle(current())).manifest.version).toBe("1.0.0");
  });

  it("only goes up, also after a rollback and a collection", async () => {
    const older = await bundle({ version: "1.9.0" });
    await installVersion("1.9.1");
    await expect(installFrom(older)).rejects.toEqual(
      refused("ERR_MODEL_ROLLBACK", "1.9.0 is not higher than 1.9.1"),
    );
    await installVersion("1.10.0");
    await rollback(store, "parts");
    await installVersion("1.11.0");
    await rollback(store, "parts");
    await collectGarbage(store);
    for (const version of ["1.10.0", "1.11.0"]) {
      await expect(installVersion(version)).rejects.toEqual(
        refused("ERR_MODEL_ROLLBACK", "is not higher than 1.11.0"),
      );
    }
    await installVersion("1.11.1");
  });

  it("is done already when the same bundle comes again, and mends what is damaged", async () => {
    const place = await bundle({ version: "1.0.0", weights: weights(1) });
    await installFrom(place);
    expect(await installFrom(place)).toMatchObject({ wasCurrent: true, addedBytes: 0 });
    await chmod(blobPath(weights(1)), 0o644);
    await truncate(blobPath(weights(1)), 100);
    expect((await verifyInstalled(store))[0]?.error).toMatchObject({ code: "ERR_MODEL_DIGEST" });
    expect(await installFrom(place)).toMatchObject({ wasCurrent: true, addedBytes: 5000 });
    expect(await verifyInstalled(store)).toEqual([{ name: "parts", version: "1.0.0", error: undefined }]);
    await expect(installVersion("1.0.0", { changes: { description: "other" } })).rejects.toEqual(
      refused("ERR_MODEL_ROLLBACK", "is not higher than 1.0.0"),
    );
  });

  it("asks for a trusted signature once there is a key", async () => {
    const [ours, theirs] = [makeKeys(), makeKeys()];
    await mkdir(store.trust, { recursive: true });
    await writeFile(join(store.trust, "ours.pem"), ours.publicPem);
    await expect(installVersion("1.0.0")).rejects.toEqual(
      refused("ERR_MODEL_SIGNATURE", "has no manifest.sig.json"),
    );
    await expect(installVersion("1.0.0", { key: createPrivateKey(theirs.privatePem) })).rejects.toEqual(
      refused("ERR_MODEL_SIGNATURE", "made by a trusted key"),
    );
    const signed = await installVersion("1.0.0", { key: createPrivateKey(ours.privatePem) });
    expect(signed.signedBy).toMatch(/^[0-9a-f]{64}$/);
    await writeFile(join(store.trust, "broken.pem"), "");
    await expect(installVersion("1.1.0")).rejects.toEqual(refused("ERR_MODEL_KEY", "broken.pem"));
  });

  it("looks at the clock and at Sightline's version", async () => {
    const clock = new FakeClock();
    store = storeAt({ root: store.root, runtime: "0.2.0", clock });
    const expired = { expires: new Date(clock.wallMs()).toISOString() };
    await expect(installVersion("1.0.0", { changes: expired })).rejects.toEqual(
      refused("ERR_MODEL_EXPIRED", "1.0.0"),
    );
    const valid = { expires: new Date(clock.wallMs() + 1).toISOString(), min_runtime: "0.2.0" };
    await installVersion("1.0.0", { changes: valid });
    await expect(installVersion("1.1.0", { changes: { min_runtime: "0.10.0" } })).rejects.toEqual(
      refused("ERR_MODEL_RUNTIME", "needs Sightline 0.10.0, this is 0.2.0"),
    );
  });

  it("shows nothing of a bundle that is damaged, short, too large or not packed", async () => {
    await installVersion("1.0.0");
    const place = await bundle({ version: "1.1.0", weights: weights(2) });
    const file = join(place, "blobs/sha256", sha256Of(weights(2)));
    for (const [content, code] of [
      [weights(3), "ERR_MODEL_DIGEST"],
      [weights(2).subarray(1), "ERR_MODEL_DIGEST"],
      [Buffer.alloc(6000), "ERR_MODEL_DIGEST"],
    ] as const) {
      await writeFile(file, content);
      await expect(installFrom(place)).rejects.toEqual(refused(code, "its manifest says"));
    }
    await rm(file);
    await expect(installFrom(place)).rejects.toEqual(refused("ERR_MODEL_MISSING", "ENOENT"));
    const huge = { file: `blobs/sha256/${"0".repeat(64)}`, sha256: "0".repeat(64), bytes: 2 ** 52 };
    const variants = [{ name: "a", targets: ["any"], stages: [huge] }];
    await expect(installVersion("1.1.0", { changes: { variants } })).rejects.toEqual(
      refused("ERR_MODEL_STORE_FULL", `${2 ** 52} bytes are needed`),
    );
    await expect(installVersion("1.1.0", { changes: { labels: "l.txt" } })).rejects.toEqual(
      refused("ERR_MODEL_MANIFEST", "is not packed"),
    );
    expect(await readlink(current())).toBe("1.0.0");
    expect(await readdir(store.tmp)).toEqual([]);
    expect((await readdir(join(store.models, "parts"))).sort()).toEqual(["1.0.0", "current", "highest"]);
  });

  it("is for one at a time", async () => {
    await installVersion("1.0.0");
    const results = await Promise.allSettled(
      ["1.1.0", "1.2.0", "1.3.0"].map((version) => installVersion(version)),
    );
    const [failed] = results.filter((result) => result.status === "rejected");
    expect(results.some(({ status }) => status === "fulfilled")).toBe(true);
    expect(failed?.reason).toMatchObject({ code: "ERR_MODEL_STORE_BUSY" });
    expect((await verifyInstalled(store)).every(({ error }) => error === undefined)).toBe(true);
    await whileLocked(store, async () => {
      await expect(collectGarbage(store)).rejects.toEqual(refused("ERR_MODEL_STORE_BUSY", "lock is held"));
    });
    await collectGarbage(store);
  });

  it("says what a file system without hard links needs", async () => {
    const other = "/dev/shm/sightline-store-test";
    await mkdir(other, { recursive: true });
    onTestFinished(() => rm(other, { recursive: true }));
    await mkdir(store.root);
    await symlink(other, store.models);
    const error = await installVersion("1.0.0").catch((reason) => reason);
    expect(error).toEqual(refused("ERR_MODEL_STORE", "EXDEV"));
    expect(error.hint).toContain("hard links");
    expect(await readdir(join(other, "parts"))).toEqual([]);
  });
});

describe("rollback", () => {
  it("goes to the version before and forward again", async () => {
    await installVersion("1.0.0");
    await installVersion("1.1.0", { weights: weights(2) });
    expect(await rollback(store, "parts")).toEqual({ from: "1.1.0", to: "1.0.0" });
    expect((await openBundle(current())).manifest.version).toBe("1.0.0");
    expect(await rollback(store, "parts")).toEqual({ from: "1.0.0", to: "1.1.0" });
  });

  it("has somewhere to go that is whole, or stays", async () => {
    await expect(rollback(store, "parts")).rejects.toEqual(refused("ERR_MODEL_MISSING", "is not installed"));
    await installVersion("1.0.0", { weights: weights(1) });
    await expect(rollback(store, "parts")).rejects.toEqual(
      refused("ERR_MODEL_MISSING", "no previous version"),
    );
    await installVersion("1.1.0", { weights: weights(2) });
    await chmod(blobPath(weights(1)), 0o644);
    await writeFile(blobPath(weights(1)), weights(9));
    await expect(rollback(store, "parts")).rejects.toEqual(refused("ERR_MODEL_DIGEST", sha256Of(weights(1))));
    expect(await readlink(current())).toBe("1.1.0");
  });
});

describe("gc", () => {
  it("keeps current and previous, removes what no version has", async () => {
    for (const [i, version] of ["1.0.0", "1.1.0", "1.2.0"].entries()) {
      await installVersion(version, { weights: weights(i) });
    }
    await writeFile(join(store.tmp, "half"), "half a blob");
    expect(await collectGarbage(store)).toEqual({ versions: ["parts 1.0.0"], freedBytes: 5000 });
    expect((await readdir(store.blobs)).sort()).toEqual(
      [weights(1), weights(2), Buffer.from("a graph")].map(sha256Of).sort(),
    );
    expect(await readdir(store.tmp)).toEqual([]);
    expect(await collectGarbage(store)).toEqual({ versions: [], freedBytes: 0 });
    expect((await verifyInstalled(store)).map(({ version, error }) => [version, error])).toEqual([
      ["1.2.0", undefined],
      ["1.1.0", undefined],
    ]);
  });
});

describe("a store that someone wrote into", () => {
  it("is reported, not guessed at", async () => {
    await installVersion("1.0.0");
    await rm(join(store.models, "parts/highest"));
    await writeFile(join(store.models, "parts/highest"), "../../..");
    await expect(installVersion("1.1.0")).rejects.toEqual(
      refused("ERR_MODEL_STORE", "does not hold a version"),
    );
  });
});
