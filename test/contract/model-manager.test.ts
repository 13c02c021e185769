import { readdirSync, renameSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../runtime/base/clock.ts";
import { silentLogger } from "../../runtime/base/logger.ts";
import { BundleReader } from "../../runtime/loader/bundle-reader.ts";
import type { Crash } from "../../runtime/loader/crash-book.ts";
import type { ModelPolicy } from "../../runtime/loader/model-entry.ts";
import { type Built, ModelManager } from "../../runtime/loader/model-manager.ts";
import type { ModelEvent } from "../../runtime/loader/model-status.ts";
import type { OpenedModel } from "../../runtime/loader/model-version.ts";
import { PreparedCache } from "../../runtime/loader/prepared/prepared-cache.ts";
import { CpuExecutionProvider } from "../../runtime/session/cpu-provider.ts";
import type { NamedTensors } from "../../runtime/tensor/tensor.ts";
import { runSync } from "../support/child-processes.ts";
import { backbone, head, INPUT_DIMS, writeBundle } from "../support/small-bundles.ts";
import { tempFolder } from "../support/temp-folder.ts";

type Opened = OpenedModel & Built;

const code = (wanted: string) => expect.objectContaining({ name: "SightlineError", code: wanted });
const MB = 1e6;
/** Room for a backbone and a head, 2.4 MB of weights and what two sessions take; not for two of them. */
const ONE = 4 * MB;

let folder: string;
let provider: CpuExecutionProvider;
let manager: ModelManager<Opened>;
let events: ModelEvent[];
let quarantined: Crash | undefined;

beforeEach(async () => {
  folder = await tempFolder();
  provider = new CpuExecutionProvider({ slots: 2, intraOpThreads: 1 });
  provider.start();
  events = [];
  quarantined = undefined;
});
afterEach(async () => {
  await manager?.stop();
  await provider.close();
});

async function bundle(name: string, seed: number, version = "1.0.0"): Promise<string> {
  return writeBundle(join(folder, name), version, [backbone(seed), head(seed + 7)]);
}

async function start(models: Record<string, Partial<ModelPolicy> & { bundle: string }>, budgetBytes: number) {
  const policies = Object.entries(models).map(([name, policy]): [string, ModelPolicy] => [
    name,
    { preload: false, pin: false, stream: "never", ...policy },
  ]);
  const cacheFolder = join(folder, "cache");
  manager = new ModelManager<Opened>(
    {
      provider,
      clock: systemClock,
      logger: silentLogger,
      crashes: {
        quarantineOf: () => quarantined,
        forgive: async () => {
          quarantined = undefined;
        },
      },
      reader: new BundleReader({ folder: cacheFolder, targets: ["any"] }),
      cache: new PreparedCache(provider, { folder: cacheFolder, machine: ["test"] }),
      build: (_, { bundle, session }) => ({
        ...{ bundle, session, close: () => {} },
        warmUp: async () => {
          await session.run(0, picture());
        },
      }),
    },
    {
      models: Object.fromEntries(policies),
      budgetBytes,
      activationBytes: 64 * MB,
    },
  );
  manager.onEvent((event) => events.push(event));
  await manager.start();
}

function picture(seed = 1): NamedTensors {
  const length = INPUT_DIMS.reduce<number>((product, dim) => product * dim, 1);
  const data = Float32Array.from({ length }, (_, i) => Math.sin(i * seed));
  return { x: { dtype: "float32", dims: INPUT_DIMS, data } };
}

async function answer(name: string): Promise<number[]> {
  const lease = await manager.lease([name]);
  try {
    const { y } = await lease.of(name).session.run(0, picture());
    return Array.from(y?.data as Float32Array);
  } finally {
    lease.release();
  }
}

const stateOf = (name: string) => manager.status().find((each) => each.name === name)?.state;

describe("models on demand", () => {
  test("a model is opened when a frame needs it, and answers as the plain session does", async () => {
    const place = await bundle("a", 1);
    await start({ a: { bundle: place } }, 100 * MB);
    expect(stateOf("a")).toBe("cold");
    const made = await answer("a");
    expect(stateOf("a")).toBe("warm");
    const again = await answer("a");
    expect(again).toEqual(made);
    expect(new Set(made).size).toBe(10);
    expect(manager.status()[0]).toMatchObject({ loads: 1, evictions: 0, leases: 0, last_error: null });
  });

  test("requests for one cold model open it once", async () => {
    await start({ a: { bundle: await bundle("a", 1) } }, 100 * MB);
    const answers = await Promise.all(Array.from({ length: 8 }, () => answer("a")));
    expect(new Set(answers.map(String)).size).toBe(1);
    expect(manager.status()[0]?.loads).toBe(1);
  });

  test("what was used least recently makes room, and comes back when it is needed", async () => {
    const models = { a: { bundle: await bundle("a", 1) }, b: { bundle: await bundle("b", 20) } };
    await start(models, ONE);
    const first = await answer("a");
    await answer("b");
    expect([stateOf("a"), stateOf("b")]).toEqual(["cold", "warm"]);
    expect(await answer("a")).toEqual(first);
    expect([stateOf("a"), stateOf("b")]).toEqual(["warm", "cold"]);
    expect(manager.memory().resident_bytes).toBeLessThanOrEqual(ONE);
  });

  test("a model that a frame has is not taken away from it", async () => {
    const models = { a: { bundle: await bundle("a", 1) }, b: { bundle: await bundle("b", 20) } };
    await start(models, ONE);
    const lease = await manager.lease(["a"]);
    let opened = false;
    const waiting = answer("b").then(() => {
      opened = true;
    });
    await lease.of("a").session.run(0, picture());
    await lease.of("a").session.run(1, picture());
    expect(opened).toBe(false);
    lease.release();
    await waiting;
    expect(stateOf("a")).toBe("cold");
  });

  test("a pinned model stays, and what does not fit beside it is refused with the numbers", async () => {
    const models = { a: { bundle: await bundle("a", 1), pin: true }, b: { bundle: await bundle("b", 20) } };
    await start(models, ONE);
    expect(stateOf("a")).toBe("warm");
    await expect(answer("b")).rejects.toEqual(code("ERR_MODEL_BUDGET"));
    expect(manager.status().find(({ name }) => name === "b")?.last_error?.message).toMatch(/MiB.*MiB/);
    expect(await answer("a")).toHaveLength(10);
  });

  test("a frame gets all of its models or none", async () => {
    const models = { a: { bundle: await bundle("a", 1) }, b: { bundle: await bundle("b", 20) } };
    await start(models, ONE);
    await expect(manager.lease(["a", "b"])).rejects.toThrow(/a and b need/);
    await expect(manager.lease(["a", "nothing"])).rejects.toEqual(code("ERR_MODEL_UNKNOWN"));
    expect(manager.status().map(({ leases }) => leases)).toEqual([0, 0]);
  });

  test("models with the same backbone have it in memory once, and run it once for one picture", async () => {
    for (const i of [1, 2, 3]) await writeBundle(join(folder, `h${i}`), "1.0.0", [backbone(1), head(i)]);
    const names = ["h1", "h2", "h3"];
    const models = Object.fromEntries(names.map((name) => [name, { bundle: join(folder, name) }]));
    await start(models, 100 * MB);
    const alone: number[][] = [];
    for (const name of names) alone.push(await answer(name));
    expect(manager.memory().resident_bytes).toBeLessThan(ONE);
    const lease = await manager.lease(names);
    const shareKey = {};
    const together = await Promise.all(
      names.map((name) => lease.of(name).session.run(0, picture(), { shareKey })),
    );
    expect(together.map(({ y }) => Array.from(y?.data as Float32Array))).toEqual(alone);
    lease.release();
  });

  test("goes over to another version between two frames, and back memory of the first", async () => {
    await bundle("v1", 1);
    await bundle("v2", 50, "2.0.0");
    symlinkSync("v1", join(folder, "current"));
    await start({ a: { bundle: join(folder, "current") } }, 100 * MB);
    const old = await answer("a");
    const lease = await manager.lease(["a"]);
    symlinkSync("v2", join(folder, "next"));
    renameSync(join(folder, "next"), join(folder, "current"));
    expect(await answer("a")).toEqual(old);
    expect((await manager.activate("a")).bundle?.version).toBe("2.0.0");
    const { y } = await lease.of("a").session.run(0, picture());
    expect(Array.from(y?.data as Float32Array)).toEqual(old);
    expect(await answer("a")).not.toEqual(old);
    lease.release();
    await manager.unload("a");
    expect(manager.memory().resident_bytes).toBe(0);
    expect(events.map(({ type }) => type)).toEqual(["loaded", "activated", "unloaded"]);
  });

  test("a version that cannot be opened leaves the old one in place and says why", async () => {
    await bundle("v1", 1);
    symlinkSync("v1", join(folder, "current"));
    await start({ a: { bundle: join(folder, "current") } }, 100 * MB);
    const old = await answer("a");
    symlinkSync("nowhere", join(folder, "next"));
    renameSync(join(folder, "next"), join(folder, "current"));
    await expect(manager.activate("a")).rejects.toEqual(code("ERR_MODEL_MISSING"));
    expect(await answer("a")).toEqual(old);
    expect(events.at(-1)).toMatchObject({ type: "activation_failed", error: { code: "ERR_MODEL_MISSING" } });
  });

  test("weights that are cut short in use are a typed error, and the model comes back by itself", async () => {
    const models = { a: { bundle: await bundle("a", 1) }, b: { bundle: await bundle("b", 20) } };
    await start(models, 100 * MB);
    const [first, other] = [await answer("a"), await answer("b")];
    const lease = await manager.lease(["a"]);
    for (const file of weightFiles()) truncateSync(file, 100);
    await expect(lease.of("a").session.run(0, picture())).rejects.toEqual(code("ERR_MODEL_DIGEST"));
    lease.release();
    expect(await answer("a")).toEqual(first);
    await expect(answer("b")).rejects.toEqual(code("ERR_MODEL_DIGEST"));
    expect(await answer("b")).toEqual(other);
  });

  test("weights that are written to in use are noticed", async () => {
    await start({ a: { bundle: await bundle("a", 1) } }, 100 * MB);
    const first = await answer("a");
    for (const file of weightFiles()) utimesSync(file, new Date(), new Date());
    await expect(answer("a")).rejects.toEqual(code("ERR_MODEL_DIGEST"));
    expect(await answer("a")).toEqual(first);
  });

  test("a bundle whose files were changed is refused, not tried with every frame, and taken when it is whole again", async () => {
    const place = await bundle("a", 1);
    await start({ a: { bundle: place } }, 100 * MB);
    const first = await answer("a");
    await manager.unload("a");
    const manifest = join(place, "manifest.json");
    const text = runSync("cat", [manifest]);
    writeFileSync(manifest, text.replace(/"sha256":"[0-9a-f]{8}/, '"sha256":"00000000'));
    await expect(answer("a")).rejects.toEqual(code("ERR_MODEL_DIGEST"));
    await expect(answer("a")).rejects.toEqual(code("ERR_MODEL_DIGEST"));
    expect(events.filter(({ type }) => type === "open_failed")).toHaveLength(1);
    writeFileSync(manifest, text);
    await manager.load("a");
    expect(await answer("a")).toEqual(first);
  });

  test("a model in quarantine stays closed until an operator wants it", async () => {
    quarantined = { label: "a@1.0.0", count: 3, signal: 11, atMs: 0 };
    await start({ a: { bundle: await bundle("a", 1), preload: true } }, 100 * MB);
    expect(stateOf("a")).toBe("quarantined");
    await expect(answer("a")).rejects.toEqual(code("ERR_MODEL_QUARANTINED"));
    expect((await manager.load("a")).state).toBe("warm");
    expect(events.map(({ type }) => type)).toEqual(["quarantined", "released", "loaded"]);
  });

  test("without a cache it opens the bundle as it is", async () => {
    writeFileSync(join(folder, "cache"), "not a folder");
    await start({ a: { bundle: await bundle("a", 1) } }, 100 * MB);
    expect(await answer("a")).toHaveLength(10);
  });

  test("nothing is leased any more once it is stopped, and all memory is given back", async () => {
    await start({ a: { bundle: await bundle("a", 1), preload: true } }, 100 * MB);
    await manager.stop();
    await expect(manager.lease(["a"])).rejects.toEqual(code("ERR_SESSION_CLOSED"));
    expect(provider.memory().weightsBytes).toBe(0);
  });
});

function weightFiles(): string[] {
  const cache = join(folder, "cache");
  const names = readdirSync(cache, { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.endsWith("weights.bin")).map((name) => join(cache, name));
}

describe("another source of a model", () => {
  test("frames go over to it, also after it has made room, and back", async () => {
    const [first, second] = [await bundle("a", 1), await bundle("b", 3)];
    await start({ a: { bundle: first } }, 100 * MB);
    const before = await answer("a");
    await manager.activate("a", { bundle: second });
    const other = await answer("a");
    expect(other).not.toEqual(before);
    await manager.unload("a");
    expect(await answer("a")).toEqual(other);
    await manager.activate("a", { bundle: first });
    expect(await answer("a")).toEqual(before);
  });

  test("one that is not there changes nothing", async () => {
    const first = await bundle("a", 1);
    await start({ a: { bundle: first } }, 100 * MB);
    const before = await answer("a");
    const missing = manager.activate("a", { bundle: join(folder, "none") });
    await expect(missing).rejects.toMatchObject({ code: "ERR_MODEL_MISSING" });
    await manager.activate("a");
    expect(await answer("a")).toEqual(before);
  });
});
