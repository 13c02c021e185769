import { expect, test } from "vitest";
import { type Live, ModelEntry } from "../../../runtime/loader/model-entry.ts";
import type { ModelVersion } from "../../../runtime/loader/model-version.ts";
import { Residents } from "../../../runtime/loader/residents.ts";
import { peakOf } from "../../../runtime/loader/run-need.ts";
import type { StagePool } from "../../../runtime/loader/stage-pool.ts";

type Value = { close(): void };

/** Models of so many bytes each, in a budget of 100 for weights and 100 for tensors on two slots. */
function setUp(models: Record<string, { bytes: number; activationBytes?: number; pin?: boolean }>) {
  const said: string[] = [];
  const pool = { residentBytes: 0 };
  const entries = new Map<string, ModelEntry<Value>>();
  const residents = new Residents<Value>(
    {
      pool: pool as StagePool,
      cache: { drop: async () => {} },
      entries,
      tell: ({ name }, type) => void said.push(`${name} ${type}`),
    },
    { budgetBytes: 100, activationBytes: 100, slots: 2 },
  );
  for (const [name, { activationBytes = 0, bytes, pin = false }] of Object.entries(models)) {
    const policy = { bundle: name, preload: false, pin, stream: "never" } as const;
    const entry = new ModelEntry<Value>(name, policy);
    entries.set(name, entry);
    const version = {
      stages: [],
      need: () => bytes,
      close: async () => {
        pool.residentBytes -= bytes;
      },
    } as unknown as ModelVersion;
    pool.residentBytes += bytes;
    const runs = { activationBytes, atOnce: 1 };
    const live: Live<Value> = { version, value: { close: () => {} }, runs, leases: 0 };
    residents.install(entry, live);
    entry.usedAt = entries.size;
  }
  const entry = (name: string) => entries.get(name) as ModelEntry<Value>;
  const wanted =
    (bytes: number, activationBytes = 0) =>
    async () => ({
      bytes,
      runs: { activationBytes, atOnce: 1 },
    });
  return { entry, residents, said, wanted };
}

test("what was used least recently makes room, and no more than has to", async () => {
  const { residents, said, wanted } = setUp({ a: { bytes: 30 }, b: { bytes: 30 }, c: { bytes: 30 } });
  await residents.makeRoom(wanted(40), []);
  expect(said).toEqual(["a unloaded"]);
});

test("models make room for the tensors of runs as they do for weights", async () => {
  const { residents, said, wanted } = setUp({
    a: { bytes: 1, activationBytes: 60 },
    b: { bytes: 1, activationBytes: 40 },
  });
  await residents.makeRoom(wanted(1, 55), []);
  expect(said).toEqual(["a unloaded"]);
});

test("one that frames use is waited for; pinned ones and those that are to stay make no room", async () => {
  const { entry, residents, said, wanted } = setUp({
    pinned: { bytes: 40, pin: true },
    used: { bytes: 30 },
    kept: { bytes: 30 },
  });
  const claims = residents.claim([entry("used")]);
  const making = residents.makeRoom(wanted(30), [entry("kept")]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(said).toEqual([]);
  expect(entry("used").state).toBe("evicting");
  for (const [each, live] of claims) residents.release(each, live);
  await making;
  expect(said).toEqual(["used unloaded"]);
  await expect(residents.makeRoom(wanted(60), [entry("kept")])).rejects.toMatchObject({
    code: "ERR_MODEL_BUDGET",
  });
});

test("what is wanted is asked for again when a model has gone: a stage may have gone with it", async () => {
  const { residents, said } = setUp({ a: { bytes: 30 }, b: { bytes: 60 } });
  const asked: number[] = [];
  await residents.makeRoom(async () => {
    asked.push(said.length);
    return { bytes: said.length === 0 ? 20 : 50, runs: { activationBytes: 0, atOnce: 1 } };
  }, []);
  expect(asked).toEqual([0, 1, 2]);
  expect(said).toEqual(["a unloaded", "b unloaded"]);
});

test("the largest runs that the slots can hold count, whichever models they are of", () => {
  const needs = [
    { activationBytes: 10, atOnce: 3 },
    { activationBytes: 30, atOnce: 1 },
  ];
  expect([1, 2, 3, 9].map((slots) => peakOf(needs, slots))).toEqual([30, 40, 50, 60]);
  expect(peakOf([{ activationBytes: 7, atOnce: Number.POSITIVE_INFINITY }], 4)).toBe(28);
});
