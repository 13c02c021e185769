import { setImmediate as settled } from "node:timers/promises";
import { expect, test } from "vitest";
import { systemClock as clock } from "../../../runtime/base/clock.ts";
import { silentLogger as logger } from "../../../runtime/base/logger.ts";
import type { Frame } from "../../../runtime/pipeline/frame.ts";
import { Camera } from "../../../services/camera/camera.ts";
import type { FrameMode } from "../../../services/camera/frame-buffer.ts";
import { type Pushed, PushSource } from "../../../services/camera/push-source.ts";
import { framesOf } from "../../support/frame-queues.ts";

const PICTURE: Pushed = { picture: { encoding: "still", bytes: Uint8Array.of(1) } };

function setUp(pipelines: string[], { mode = "triggered" as FrameMode, buffer = 4, pendingMax = 10 } = {}) {
  const source = new PushSource<string>({ clock }, { camera: "gate", pendingMax });
  const deps = { source, clock, logger, onStatus: () => {}, onEvent: () => {} };
  const camera = new Camera(deps, { id: "gate", mode, buffer });
  const readers = pipelines.map((name) => {
    source.answeredBy(name);
    return framesOf(camera.watch());
  });
  camera.start();
  /** Takes the next frame of a pipeline and answers it. */
  const judge = async (nth: number): Promise<Frame> => {
    const { value } = (await (readers[nth] as AsyncGenerator<Frame>).next()) as IteratorYieldResult<Frame>;
    source.conclude(pipelines[nth] ?? "", value.id, Promise.resolve([`${value.id} by ${pipelines[nth]}`]));
    return value;
  };
  return { source, camera, judge };
}

test("a frame is answered with the result of each pipeline, and carries what its sender said", async () => {
  const { judge, source } = setUp(["top", "side"]);
  const answers = source.push({
    ...PICTURE,
    partId: "SN1",
    triggerId: "t9",
    sourceId: "f7",
    sourceTimeMs: 5,
  });
  const frame = await judge(1);
  expect(frame).toMatchObject({
    id: 1,
    camera: "gate",
    partId: "SN1",
    triggerId: "t9",
    sourceId: "f7",
    capturedAtMs: 5,
  });
  await judge(0);
  expect(await answers).toEqual([
    { pipeline: "top", results: ["1 by top"] },
    { pipeline: "side", results: ["1 by side"] },
  ]);
  expect(source.pending).toBe(0);
});

test("in triggered mode parts that nobody named are counted", async () => {
  const { judge, source } = setUp(["top"]);
  for (let n = 0; n < 2; n++) void source.push(PICTURE);
  void source.push({ ...PICTURE, triggerId: "own" });
  expect([await judge(0), await judge(0), await judge(0)].map((f) => f.triggerId)).toEqual(["1", "2", "own"]);
});

test("a frame that free_run dropped is answered once a later one is judged", async () => {
  const { judge, source } = setUp(["top"], { mode: "free_run", buffer: 1 });
  const answers = [1, 2, 3].map(() => source.push(PICTURE));
  await settled();
  expect((await judge(0)).id).toBe(3);
  const [first, second, third] = await Promise.all(answers);
  for (const dropped of [first, second])
    expect(dropped).toEqual([
      { pipeline: "top", error: expect.objectContaining({ code: "ERR_QUEUE_FULL" }) },
    ]);
  expect(third).toEqual([{ pipeline: "top", results: ["3 by top"] }]);
});

test("a triggered part without room is lost, and its pipeline answers it in its turn", async () => {
  const { judge, source } = setUp(["top"], { buffer: 1 });
  const answers = [1, 2, 3].map(() => source.push(PICTURE));
  await settled();
  const frames = [await judge(0), await judge(0), await judge(0)];
  expect(frames.at(-1)?.lost).toMatchObject({ code: "ERR_QUEUE_FULL" });
  expect((await Promise.all(answers)).flat().map((a) => "results" in a)).toEqual([true, true, true]);
});

test("a frame that completes no part, or several, is answered all the same", async () => {
  const { source } = setUp(["top"]);
  const answers = [source.push(PICTURE), source.push(PICTURE)];
  source.conclude("top", 1, Promise.resolve([]));
  source.conclude("top", 2, Promise.resolve(["a part", "another"]));
  expect((await Promise.all(answers)).flat()).toEqual([
    { pipeline: "top", results: [] },
    { pipeline: "top", results: ["a part", "another"] },
  ]);
});

test("a result that could not be stored is an answer with its error", async () => {
  const { source } = setUp(["top"]);
  const answers = source.push(PICTURE);
  source.conclude("top", 1, Promise.reject(new Error("disk full")));
  expect(await answers).toEqual([
    { pipeline: "top", error: expect.objectContaining({ code: "ERR_STORE_WRITE", message: "disk full" }) },
  ]);
});

test("more than may wait are refused, and so is every frame before the start and after the end", async () => {
  const early = new PushSource({ clock }, { camera: "gate", pendingMax: 1 });
  await expect(early.push(PICTURE)).rejects.toMatchObject({ code: "ERR_CAMERA_CLOSED" });
  const { camera, source } = setUp(["top"], { pendingMax: 2 });
  const waiting = [source.push(PICTURE), source.push(PICTURE)];
  await expect(source.push(PICTURE)).rejects.toMatchObject({ code: "ERR_QUEUE_FULL" });
  await camera.stop();
  await expect(source.push(PICTURE)).rejects.toMatchObject({ code: "ERR_CAMERA_CLOSED" });
  source.end();
  for (const answers of await Promise.all(waiting)) {
    expect(answers).toEqual([
      { pipeline: "top", error: expect.objectContaining({ code: "ERR_CAMERA_CLOSED" }) },
    ]);
  }
});
