import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock as clock } from "../../../runtime/base/clock.ts";
import { silentLogger as logger } from "../../../runtime/base/logger.ts";
import type { Frame } from "../../../runtime/pipeline/frame.ts";
import { Camera } from "../../../services/camera/camera.ts";
import { ReplaySource } from "../../../services/camera/replay.ts";
import { framesOf } from "../../support/frame-queues.ts";

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sightline-replay-"));
  for (const name of ["b.jpg", "a.png", "notes.txt"]) await writeFile(join(folder, name), name);
});

afterEach(() => rm(folder, { recursive: true }));

async function take(source: ReplaySource, count = Number.POSITIVE_INFINITY): Promise<Frame[]> {
  const abort = new AbortController();
  const frames: Frame[] = [];
  for await (const frame of source.frames(abort.signal)) {
    frames.push(frame);
    if (frames.length >= count) abort.abort();
  }
  return frames;
}

const options = () => ({ camera: "cam", path: folder, fps: "max", repeat: "once" }) as const;

test("plays the pictures of a folder by name, with ids from 1, the same each time", async () => {
  for (let round = 0; round < 2; round++) {
    const frames = await take(new ReplaySource({ clock }, options()));
    expect(frames.map((f) => [f.id, f.origin])).toEqual([
      [1, join(folder, "a.png")],
      [2, join(folder, "b.jpg")],
    ]);
    expect(Buffer.from(frames[1]?.picture.bytes ?? []).toString()).toBe("b.jpg");
  }
});

test("loops until it is told to end", async () => {
  const frames = await take(new ReplaySource({ clock }, { ...options(), repeat: "loop" }), 5);
  expect(frames.map((f) => f.id)).toEqual([1, 2, 3, 4, 5]);
  expect(frames.at(-1)?.origin).toBe(join(folder, "a.png"));
});

test("keeps the pace that it is given", async () => {
  const frames = await take(new ReplaySource({ clock }, { ...options(), fps: 50, repeat: "loop" }), 6);
  const times = frames.map((f) => Number(f.capturedAtNs) / 1e6);
  // Five periods of 20 ms; late is the machine's business, early would be ours.
  expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(90);
});

test("a file that vanished is a lost frame, not the end", async () => {
  const files = [join(folder, "gone.jpg"), join(folder, "b.jpg")];
  const frames = await take(new ReplaySource({ clock }, { ...options(), path: undefined, files }));
  expect(frames.map((f) => f.lost)).toEqual([expect.objectContaining({ code: "ERR_IMAGE_READ" }), undefined]);
});

test.each([
  ["a folder that is not there", (f: string) => join(f, "nowhere")],
  ["a folder without pictures", (f: string) => join(f, "empty")],
])("%s is an error with the camera's name", async (what, path) => {
  if (what.includes("without")) await import("node:fs/promises").then((fs) => fs.mkdir(path(folder)));
  const error = await take(new ReplaySource({ clock }, { ...options(), path: path(folder) })).catch((e) => e);
  expect(error).toMatchObject({
    code: "ERR_CAMERA_SOURCE",
    message: expect.stringContaining('camera "cam"'),
  });
});

test("a camera hands each frame to all who watch, and releases it when the last has", async () => {
  const statuses: string[] = [];
  const source = new ReplaySource({ clock }, options());
  const camera = new Camera(
    { source, clock, logger, onStatus: (s) => statuses.push(s), onEvent: () => {} },
    { id: "cam", mode: "free_run", buffer: 1 },
  );
  const watchers = [camera.watch(), camera.watch()];
  camera.start();
  const seen = await Promise.all(
    watchers.map(async (watcher) => {
      const ids: number[] = [];
      for await (const frame of framesOf(watcher)) ids.push(frame.id);
      return ids;
    }),
  );
  expect(seen).toEqual([
    [1, 2],
    [1, 2],
  ]);
  expect(statuses).toEqual(["online", "offline"]);
  expect(camera.stats).toMatchObject({ frames: 2, dropped: 0 });
  await camera.stop();
});

test("a camera that cannot open says so, and ends who watches", async () => {
  const errors: object[] = [];
  const source = new ReplaySource({ clock }, { ...options(), path: join(folder, "nowhere") });
  const loud = { ...logger, error: (fields: object) => errors.push(fields) };
  const camera = new Camera(
    { source, clock, logger: loud, onStatus: () => {}, onEvent: () => {} },
    { id: "cam", mode: "triggered", buffer: 1 },
  );
  const watcher = camera.watch();
  camera.start();
  for await (const _ of framesOf(watcher)) throw new Error("there is no frame");
  expect(errors).toEqual([expect.objectContaining({ camera: "cam", code: "ERR_CAMERA_SOURCE" })]);
});
