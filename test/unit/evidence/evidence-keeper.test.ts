import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import { openKernels } from "../../../runtime/native/index.ts";
import type { Detection } from "../../../runtime/pipeline/detection.ts";
import type { RawPicture } from "../../../runtime/pipeline/frame.ts";
import { ownPicture } from "../../../runtime/pipeline/own-picture.ts";
import { preview } from "../../../services/evidence/annotate.ts";
import { EvidenceKeeper, type Subject } from "../../../services/evidence/evidence-keeper.ts";
import { isKept } from "../../../services/evidence/selection.ts";
import { writeWhole } from "../../../services/evidence/write-file.ts";
import { BOARD } from "../../support/bad-pictures.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { RecordingLogger } from "../../support/recording-logger.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const SHORT: Detection = { label: "short", classId: 1, score: 0.9, box: [40, 40, 120, 90] };
const board = { encoding: "still", bytes: await readFile(BOARD) } as const;
const kernels = openKernels();

let ids = 0;
function subject(given: Partial<Subject> = {}): Subject {
  const id = `0192f3aa-0000-7000-8000-${String(++ids).padStart(12, "0")}`;
  const capturedAtMs = Date.UTC(2026, 10, 21, 22, 46);
  const source = { width: 640, height: 640 };
  return { id, verdict: "fail", capturedAtMs, picture: board, source, detections: [SHORT], ...given };
}

type Deps = ConstructorParameters<typeof EvidenceKeeper>[0];

async function setUp(deps: Partial<Deps> = {}, folder?: string, linkWaitMs = 60_000) {
  const path = folder ?? (await tempFolder());
  const logger = new RecordingLogger();
  const space = async () => ({ free: 1e12, total: 1e12 });
  const keeper = new EvidenceKeeper(
    { logger, clock: new FakeClock(), space, ...deps },
    {
      folder: path,
      verdicts: ["fail", "error"],
      auditSample: 0,
      bytesMax: 1e9,
      bytesMaxOf: {},
      ageMsMax: 1e12,
      freePercentMin: 10,
      linkWaitMs,
    },
  );
  await keeper.start();
  const keep = (s: Subject) => keeper.keep(s, () => ownPicture(kernels, s.picture));
  return { folder: path, keeper, keep, logger };
}

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

test("a fail keeps its picture as it came and one with boxes, and the result can say what was written", async () => {
  const { folder, keep, keeper } = await setUp();
  const one = subject();
  const { error, links } = await keep(one);
  expect(error).toBeNull();
  expect(links.map(({ kind, path, state }) => [kind, path, state])).toEqual([
    ["raw", `2026/11/21/22/${one.id}/fail-raw.jpg`, "written"],
    ["annotated", `2026/11/21/22/${one.id}/fail-annotated.jpg`, "written"],
  ]);
  for (const { bytes, path, sha256 } of links) {
    const file = await readFile(keeper.fileOf(path) ?? "");
    expect([file.length, digest(file)]).toEqual([bytes, sha256]);
  }
  expect(links[0]?.sha256).toBe(digest(board.bytes));
  expect(await sharp(join(folder, links[1]?.path ?? "")).metadata()).toMatchObject({
    width: 640,
    format: "jpeg",
  });
  expect(keeper.stats).toMatchObject({
    written: 2,
    failed: 0,
    bytes: (links[0]?.bytes ?? 0) + (links[1]?.bytes ?? 0),
  });
});

test("a camera's pixels become pictures, and the frame is free once they are copied", async () => {
  const { keep, keeper } = await setUp();
  const [width, height] = [65, 47];
  const bytes = new Uint8Array(width * height * 3).fill(200);
  const picture: RawPicture = {
    encoding: "raw",
    format: "bgr24",
    width,
    height,
    planes: [{ offset: 0, stride: width * 3 }],
    bytes,
  };
  const one = subject({ picture, source: { width, height } });
  const copy = ownPicture(kernels, picture);
  const kept = keeper.keep(one, () => copy);
  await copy;
  bytes.fill(0);
  for (const { path } of (await kept).links) {
    const { channels, ...meta } = await sharp(keeper.fileOf(path)).metadata();
    expect([meta.width, meta.height, channels]).toEqual([width, height, 3]);
  }
  const raw = await sharp(keeper.fileOf((await kept).links[0]?.path ?? "")).stats();
  expect(raw.channels.map((c) => Math.round(c.mean))).toEqual([200, 200, 200]);
  expect(await keep({ ...one, detections: [] })).toMatchObject({ links: [{ kind: "raw" }] });
});

test("what is not asked for is neither copied nor kept", async () => {
  const { keeper } = await setUp();
  const own = () => Promise.reject(new Error("copied"));
  for (const one of [
    subject({ verdict: "pass" }),
    subject({ verdict: "review" }),
    subject({ verdict: "error", picture: { encoding: "still", bytes: new Uint8Array() } }),
  ]) {
    expect(await keeper.keep(one, own)).toEqual({ links: [], error: null });
  }
});

test("a picture that nobody could read is kept as it came", async () => {
  const { keep, keeper } = await setUp();
  const picture = { encoding: "still", bytes: new TextEncoder().encode("no picture") } as const;
  const { links } = await keep(subject({ verdict: "error", source: undefined, detections: [], picture }));
  expect(links).toMatchObject([{ kind: "raw", path: expect.stringMatching(/error-raw\.bin$/) }]);
  expect(await readFile(keeper.fileOf(links[0]?.path ?? "") ?? "", "utf8")).toBe("no picture");
});

test("the sample of passes follows from the ids alone, and its share is right", () => {
  const options = { verdicts: [], auditSample: 0.1 };
  const sample = Array.from({ length: 10_000 }, (_, n) => ({ id: `id-${n}`, verdict: "pass" as const }));
  const kept = sample.filter((one) => isKept(one, options));
  expect(kept).toEqual(sample.filter((one) => isKept(one, options)));
  expect(kept.length).toBeGreaterThan(900);
  expect(kept.length).toBeLessThan(1_100);
  expect(sample.some((one) => isKept(one, { ...options, auditSample: 0 }))).toBe(false);
  expect(sample.every((one) => isKept(one, { ...options, auditSample: 1 }))).toBe(true);
});

test("a full disk is an error with its code, counted and logged once, and it is over when it is over", async () => {
  let isFull = true;
  const write: typeof writeWhole = async (...args) => {
    if (isFull) throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    await writeWhole(...args);
  };
  const { keep, keeper, logger } = await setUp({ write });
  for (let n = 0; n < 3; n++) {
    expect(await keep(subject())).toMatchObject({
      links: [],
      error: { code: "ERR_EVIDENCE_WRITE", message: expect.stringContaining("ENOSPC") },
    });
  }
  expect(keeper.stats).toMatchObject({ failed: 3, written: 0, error: { code: "ERR_EVIDENCE_WRITE" } });
  isFull = false;
  expect((await keep(subject())).links).toHaveLength(2);
  expect(keeper.stats.error).toBeNull();
  expect(logger.lines.map(({ message }) => message)).toEqual([
    "evidence cannot be kept",
    "evidence is kept again",
  ]);
});

test("too little free space is another, and nothing is written", async () => {
  const { folder, keep } = await setUp({ space: async () => ({ free: 5, total: 100 }) });
  expect(await keep(subject())).toMatchObject({ links: [], error: { code: "ERR_EVIDENCE_SPACE" } });
  expect((await readdir(folder, { recursive: true })).filter((n) => n.endsWith(".jpg"))).toEqual([]);
});

test("a folder that cannot be one fails, and inspection has its answer", async () => {
  const folder = join(await tempFolder(), "file");
  await writeFile(folder, "in the way");
  const { keep } = await setUp({}, folder);
  expect(await keep(subject())).toMatchObject({ links: [], error: { code: "ERR_EVIDENCE_WRITE" } });
});

test("a folder that is not there yet is no trouble", async () => {
  const { keeper } = await setUp({}, join(await tempFolder(), "not", "yet"));
  await keeper.stop();
  expect(keeper.stats).toMatchObject({ error: null, failed: 0 });
});

test("a folder that is deleted under us is made again", async () => {
  const { folder, keep } = await setUp();
  await keep(subject());
  await rm(folder, { recursive: true });
  expect((await keep(subject())).links).toHaveLength(2);
});

test("what a killed process left half-written is removed at the start", async () => {
  const folder = await tempFolder();
  await mkdir(join(folder, ".tmp"));
  await writeFile(join(folder, ".tmp", "half"), "ha");
  const { keeper } = await setUp({}, folder);
  await keeper.stop();
  expect((await readdir(folder, { recursive: true })).filter((name) => name !== ".tmp")).toEqual([]);
});

test("a slow disk holds no result up: it says where the pictures will be; too many are not taken, and counted", async () => {
  const disk = Promise.withResolvers<void>();
  const write: typeof writeWhole = async (...args) => {
    await disk.promise;
    await writeWhole(...args);
  };
  const { keep, keeper } = await setUp({ write }, undefined, 50);
  const subjects = Array.from({ length: 11 }, () => subject());
  const kept = await Promise.all(subjects.map(keep));
  for (const { error, links } of kept.slice(0, 8)) {
    expect(error).toBeNull();
    expect(links.map(({ bytes, sha256, state }) => [state, sha256, bytes])).toEqual([
      ["pending", null, null],
      ["pending", null, null],
    ]);
  }
  for (const one of kept.slice(8))
    expect(one).toMatchObject({ links: [], error: { code: "ERR_EVIDENCE_BUSY" } });
  expect(keeper.stats).toMatchObject({ dropped: 3, late: 8, written: 0 });
  disk.resolve();
  await keeper.stop();
  expect(keeper.stats.written).toBe(16);
  for (const { links } of kept)
    for (const { path } of links)
      expect((await readFile(keeper.fileOf(path) ?? "")).length).toBeGreaterThan(0);
});

test("a path that is none leads nowhere", async () => {
  const { keeper } = await setUp();
  const id = "0192f3aa-0000-7000-8000-000000000001";
  for (const path of ["../../etc/passwd", `2026/11/21/22/${id}/../fail-raw.jpg`, `2026/11/21/22/${id}`, ""])
    expect(keeper.fileOf(path)).toBeUndefined();
});

test("a preview is small, with the boxes where they are in the picture", async () => {
  const [width, height] = [2000, 1000];
  const still = await sharp({ create: { width, height, channels: 3, background: "#000" } })
    .png()
    .toBuffer();
  const picture = { encoding: "still", bytes: still } as const;
  const box: Detection = { ...SHORT, box: [1000, 500, 1999, 999] };
  const jpeg = await preview(await ownPicture(kernels, picture), { width, height }, [box]);
  const { data, info } = await sharp(jpeg).greyscale().raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([960, 480]);
  const light = (x: number, y: number) => (data[y * 960 + x] ?? 0) > 40;
  // Left edge of the box at 1000 · 960/2000.
  expect([light(480, 400), light(440, 400), light(520, 400)]).toEqual([true, false, false]);
});
