import { mkdir, readdir, readlink, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openBundle } from "../../models/bundle/bundle.ts";
import { collectGarbage } from "../../models/store/gc.ts";
import { install } from "../../models/store/install.ts";
import { verifyInstalled } from "../../models/store/installed.ts";
import { readModelFolders } from "../../models/store/model-folder.ts";
import { openSource } from "../../models/store/open-source.ts";
import { type Store, storeAt } from "../../models/store/store.ts";
import { makeDelta } from "../../toolchain/delta/make-delta.ts";
import { runSync } from "../support/child-processes.ts";
import { ScriptProcess } from "../support/daemon-process.ts";
import { writePacked } from "../support/packed-bundle.ts";
import { tempFolder } from "../support/temp-folder.ts";

const CHILD = fileURLToPath(new URL("../support/store-child.ts", import.meta.url));
const VERSIONS = ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0"];
/** A loop that never came to its end would prove nothing. */
const MAX_STEPS = 100;
/** Steps are tried on copies of their own, so some at the same time. */
const LANES = 4;

/** Five bundles, a store with the first three, and a delta from the third to the fourth. */
async function prepared(): Promise<{ folder: string; bundle: (version: string) => string; delta: string }> {
  const folder = await tempFolder();
  const bundle = (version: string): string => join(folder, version);
  for (const [i, version] of VERSIONS.entries()) {
    const weights = Buffer.alloc(3000, i);
    const tensors = [{ name: "t", dtype: "int8", bytes: 3000 }];
    await writePacked(bundle(version), { version, weights, tensors });
  }
  const store = storeAt({ root: join(folder, "store"), runtime: "0.2.0" });
  for (const version of VERSIONS.slice(0, 3)) await install(store, await openSource(bundle(version)));
  const delta = join(folder, "delta");
  const [old, next] = [await openSource(bundle("1.2.0")), await openSource(bundle("1.3.0"))];
  await writeFile(delta, Buffer.concat([...(await makeDelta(old, next))]));
  return { folder, bundle, delta };
}

/** The store as it was, for one more try; cp(1) keeps hard links. */
async function copied(folder: string, step: number): Promise<Store> {
  const root = join(folder, `step-${step}`);
  await mkdir(root);
  runSync("cp", ["-a", `${join(folder, "store")}/.`, root]);
  return storeAt({ root, runtime: "0.2.0" });
}

/** What has to be true at any time: the model runs, is whole, and is one of those that it may be. */
async function expectRunnable(store: Store, allowed: string[]): Promise<string> {
  const { manifest, folder } = await openBundle(join(store.models, "parts/current"));
  expect(allowed).toContain(manifest.version);
  expect(folder).toBe(join(store.models, "parts", manifest.version));
  const broken = (await verifyInstalled(store)).filter(({ error }) => error);
  expect(broken).toEqual([]);
  return manifest.version;
}

async function expectNoLeftovers(store: Store): Promise<void> {
  await collectGarbage(store);
  const parts = join(store.models, "parts");
  const kept = [await readlink(join(parts, "current")), await readlink(join(parts, "previous"))];
  expect((await readdir(parts)).sort()).toEqual([...new Set(kept), "current", "highest", "previous"].sort());
  expect(await readdir(store.tmp)).toEqual([]);
  const used = await Promise.all(kept.map((version) => readdir(join(parts, version, "blobs/sha256"))));
  expect((await readdir(store.blobs)).sort()).toEqual([...new Set(used.flat())].sort());
}

/** Runs a command on copies of a store, killed before its first step, its second, until it comes to its end. */
async function killedBeforeEach(
  { folder, command, place }: { folder: string; command: string; place: string },
  check: (store: Store) => Promise<void>,
): Promise<void> {
  const run = (step: number, { root }: Store) =>
    new ScriptProcess(CHILD, [String(step), command, root, place], {
      NODE_COMPILE_CACHE: join(folder, "cache"),
    });
  // One that ends by itself writes the cache.
  await run(MAX_STEPS, await copied(folder, 0)).ended;
  const isDoneAt = async (step: number): Promise<boolean> => {
    const store = await copied(folder, step);
    const { signal, stdout, stderr } = await run(step, store).ended;
    const isDone = stdout === "done\n";
    expect(signal, stderr).toBe(isDone ? null : "SIGKILL");
    await check(store);
    return isDone;
  };
  for (let step = 1; step < MAX_STEPS; step += LANES) {
    const ends = await Promise.all(Array.from({ length: LANES }, (_, lane) => isDoneAt(step + lane)));
    if (!ends.includes(true)) continue;
    console.info(`${command}: killed before each of ${step + ends.indexOf(true) - 1} steps`);
    return;
  }
  expect.unreachable(`${command} takes more than ${MAX_STEPS} steps`);
}

test.each([
  ["install", ["1.2.0", "1.3.0"]],
  ["apply", ["1.2.0", "1.3.0"]],
  ["rollback", ["1.1.0", "1.2.0"]],
  ["gc", ["1.2.0"]],
])("kill -9 before any step of %s leaves one of %j running", async (command, allowed) => {
  const { folder, bundle, delta } = await prepared();
  const place = command === "apply" ? delta : bundle("1.3.0");
  const seen = new Set<string>();
  await killedBeforeEach({ folder, command, place }, async (store) => {
    seen.add(await expectRunnable(store, allowed));
    // The same once more, over whatever the first try left.
    await install(store, await openSource(bundle("1.3.0")));
    await expect(install(store, await openSource(bundle("1.0.0")))).rejects.toMatchObject({
      code: "ERR_MODEL_ROLLBACK",
      message: expect.stringContaining("higher than 1.3.0,"),
    });
    await install(store, await openSource(bundle("1.4.0")));
    await expectRunnable(store, ["1.4.0"]);
    await expectNoLeftovers(store);
  });
  expect([...seen].sort()).toEqual(allowed);
});

test("kill -9 before any step of a first install leaves none or all of it", async () => {
  const { folder, bundle } = await prepared();
  await rm(join(folder, "store"), { recursive: true });
  await mkdir(join(folder, "store"));
  await killedBeforeEach({ folder, command: "install", place: bundle("1.0.0") }, async (store) => {
    const installed = (await readModelFolders(store)).filter(({ current }) => current !== undefined);
    expect(installed.map(({ current }) => current)).toEqual(installed.length > 0 ? ["1.0.0"] : []);
    await collectGarbage(store);
    expect(await readdir(store.models)).toEqual(installed.length > 0 ? ["parts"] : []);
    expect(await readdir(store.blobs)).toHaveLength(2 * installed.length);
    await install(store, await openSource(bundle("1.0.0")));
    await expectRunnable(store, ["1.0.0"]);
  });
});

test("processes that install at the same time do so one after the other, or say that they may not", async () => {
  const { folder, bundle } = await prepared();
  const root = join(folder, "store");
  const children = ["1.3.0", "1.4.0", "1.4.0"].map(
    (version) => new ScriptProcess(CHILD, [String(MAX_STEPS), "install", root, bundle(version)]),
  );
  const ends = await Promise.all(children.map(({ ended }) => ended));
  const failed = ends.filter(({ code }) => code !== 0);
  expect(failed.length).toBeLessThan(children.length);
  for (const { stderr } of failed) expect(stderr).toMatch(/ERR_MODEL_STORE_BUSY|ERR_MODEL_ROLLBACK/);
  const store = storeAt({ root, runtime: "0.2.0" });
  await expectRunnable(store, ["1.3.0", "1.4.0"]);
  await expectNoLeftovers(store);
});
