import { expect, test } from "vitest";
import type { StageFile } from "../../../models/bundle/bundle.ts";
import { SightlineError } from "../../../runtime/base/errors.ts";
import { silentLogger } from "../../../runtime/base/logger.ts";
import type { PreparedStage, StageCache } from "../../../runtime/loader/prepared/prepared-cache.ts";
import { StagePool } from "../../../runtime/loader/stage-pool.ts";
import type { ExecutionProvider, Session } from "../../../runtime/session/execution-provider.ts";

const STAGE: StageFile = { path: "/a", bytes: 0, sha256: "a" };
const WARM = { isStreaming: false };
const cost = { anonymousBytes: 10, activationBytes: 5 };
const piece = { ...{ file: "f", sha256: "f", inputs: [], outputs: [] }, tensors: [], structureBytes: 0 };
const PREPARED: PreparedStage = {
  ...{ version: 2, prepack: true, folder: "/", slices: [], whole: piece },
  cost: { whole: cost, slices: cost },
};

/** Sessions that are opened at once, or fail, and are unloaded when the test says so. */
function setUp() {
  const said: string[] = [];
  const unloads: (() => void)[] = [];
  const state = { fails: false };
  const session = () => ({
    unload: () =>
      new Promise<void>((resolve) => {
        said.push("unload");
        unloads.push(resolve);
      }),
  });
  const cache: StageCache = {
    ...{ sweep: async () => {}, keyOf: ({ sha256 }: StageFile) => sha256, drop: async () => {} },
    ...{ find: async () => PREPARED, get: async () => PREPARED },
    open: async () => {
      if (state.fails) throw new SightlineError("ERR_MODEL_LOAD", "broken");
      said.push("open");
      return session() as unknown as Session;
    },
  };
  const pool = new StagePool({ provider: {} as ExecutionProvider, cache, logger: silentLogger });
  return { pool, said, state, unloads };
}

test("a stage of several models is open once, and its memory goes with the last of them", async () => {
  const { pool, said, unloads } = setUp();
  const [one, other] = await Promise.all([
    pool.open(STAGE, WARM, { label: "one" }),
    pool.open(STAGE, WARM, { label: "other" }),
  ]);
  expect(other.session).toBe(one.session);
  expect(pool.usersOf("a")).toBe(2);
  await pool.close(one);
  expect(said).toEqual(["open"]);
  const closing = pool.close(other);
  expect(pool.residentBytes).toBe(10);
  unloads.shift()?.();
  await closing;
  expect(said).toEqual(["open", "unload"]);
  expect(pool.residentBytes).toBe(0);
});

test("a stage on its way out is not joined: who needs it waits, and opens it anew", async () => {
  const { pool, said, unloads } = setUp();
  const old = await pool.open(STAGE, WARM, { label: "old" });
  const closing = pool.close(old);
  const opening = pool.open(STAGE, WARM, { label: "new" });
  await new Promise((resolve) => setImmediate(resolve));
  expect(said).toEqual(["open", "unload"]);
  unloads.shift()?.();
  await closing;
  expect((await opening).session).not.toBe(old.session);
  expect(said).toEqual(["open", "unload", "open"]);
  expect(pool.residentBytes).toBe(10);
});

test("a stage that cannot be opened leaves nothing behind, and can be tried again", async () => {
  const { pool, state } = setUp();
  state.fails = true;
  const tries = ["one", "other"].map((label) => pool.open(STAGE, WARM, { label }));
  for (const each of tries) await expect(each).rejects.toMatchObject({ code: "ERR_MODEL_LOAD" });
  expect(pool.residentBytes).toBe(0);
  state.fails = false;
  expect((await pool.open(STAGE, WARM, { label: "again" })).key).toBe("a");
});

test("what a stage takes that cannot be sliced is the same in a model that streams", async () => {
  const { pool } = setUp();
  const opened = await pool.open(STAGE, { isStreaming: true }, { label: "m" });
  expect(opened.need.residentBytes).toBe(10);
  expect(pool.residentBytes).toBe(10);
});
