import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import type { Verdict } from "../../../runtime/pipeline/decide.ts";
import { evidencePath } from "../../../services/evidence/evidence-path.ts";
import { Retention, type RetentionOptions, type Space } from "../../../services/evidence/retention.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 10, 21, 22, 30);
const KB = 1_000;

/** A folder of pictures of 1 kB each, one an hour, of the verdicts given. */
async function setUp(
  verdicts: readonly Verdict[],
  options: Partial<RetentionOptions> = {},
  space?: () => Space,
) {
  const folder = await tempFolder();
  for (const [n, verdict] of verdicts.entries()) {
    const id = `00000000-0000-8000-8000-${String(n).padStart(12, "0")}`;
    const file = join(
      folder,
      evidencePath({ id, verdict, capturedAtMs: START_MS + n * HOUR_MS }, "raw", "jpg"),
    );
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, new Uint8Array(KB));
  }
  const roomy = { free: 1e12, total: 1e12 };
  const retention = new Retention(
    { space: async () => space?.() ?? roomy },
    { folder, bytesMax: 100 * KB, bytesMaxOf: {}, ageMsMax: 1e12, freePercentMin: 10, ...options },
  );
  await retention.scan();
  /** What is left, by the number in its id. */
  const left = async () => {
    const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".jpg"));
    return files.map((file) => Number(dirname(file).slice(-12))).sort((a, b) => a - b);
  };
  return { folder, retention, left };
}

const MIXED = ["fail", "pass", "review", "error", "pass", "fail", "pass"] as const;

test("finds what is there, by verdict", async () => {
  const { retention } = await setUp(MIXED);
  expect(retention.bytes).toBe(7 * KB);
});

test.each([
  [7 * KB, [0, 2, 3, 4, 5, 6]],
  [5 * KB, [0, 2, 3, 5]],
  [4 * KB, [0, 2, 5]],
  [3 * KB, [0, 5]],
  [2 * KB, [5]],
])(
  "at a limit of %i bytes the oldest passes go first, then errors, reviews, fails: %j stay",
  async (bytesMax, stay) => {
    const { left, retention } = await setUp(MIXED, { bytesMax });
    await retention.makeRoom("fail", KB, START_MS);
    expect(await left()).toEqual(stay);
    expect(retention.bytes).toBe(stay.length * KB);
  },
);

test("a verdict above its own limit loses its oldest, and no other does", async () => {
  const { left, retention } = await setUp(MIXED, { bytesMaxOf: { pass: 2 * KB } });
  await retention.makeRoom("pass", KB, START_MS);
  expect(await left()).toEqual([0, 2, 3, 5, 6]);
  await retention.makeRoom("fail", KB, START_MS);
  expect(await left()).toEqual([0, 2, 3, 5, 6]);
});

test("what is too old goes whatever it shows, with its empty folders", async () => {
  const { folder, left, retention } = await setUp(MIXED, { ageMsMax: 24 * HOUR_MS });
  await retention.makeRoom("pass", KB, START_MS + 27 * HOUR_MS);
  expect(await left()).toEqual([3, 4, 5, 6]);
  expect(await readdir(join(folder, "2026/11"))).toEqual(["22"]);
});

test("below the floor of free space old pictures make room, as few as it takes", async () => {
  let used = 0;
  const { left, retention } = await setUp(MIXED, {}, () => ({
    free: 10 * KB + retention.deleted * KB - used,
    total: 100 * KB,
  }));
  await retention.makeRoom("fail", 2 * KB, START_MS);
  expect(await left()).toEqual([0, 2, 3, 5, 6]);
  used = 2 * KB;
  await retention.makeRoom("fail", KB, START_MS);
  expect(await left()).toEqual([0, 2, 3, 5]);
});

test("when all is gone and the disk is still full, there is no room", async () => {
  const { left, retention } = await setUp(MIXED, {}, () => ({ free: 0, total: 100 * KB }));
  const error = await retention.makeRoom("fail", KB, START_MS).catch((e) => e);
  expect(error).toMatchObject({ code: "ERR_EVIDENCE_SPACE", message: expect.stringContaining("10 %") });
  expect(await left()).toEqual([]);
});

test("what someone else deleted is not counted for long", async () => {
  const { folder, retention } = await setUp(MIXED, { bytesMax: 3 * KB });
  await rm(join(folder, "2026"), { recursive: true });
  await retention.makeRoom("fail", KB, START_MS);
  expect(retention.bytes).toBe(0);
});

test("other people's files in the folder are left alone", async () => {
  const { folder, retention } = await setUp(MIXED, { bytesMax: KB });
  await mkdir(join(folder, "2026/11/21/notes"), { recursive: true });
  await writeFile(join(folder, "2026/11/21/22/readme.txt"), "mine");
  await retention.makeRoom("fail", KB, START_MS);
  expect(await readdir(join(folder, "2026/11/21"))).toEqual(["22", "notes"]);
});
