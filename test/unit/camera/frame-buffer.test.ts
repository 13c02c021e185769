import { expect, test } from "vitest";
import { FrameBuffer } from "../../../services/camera/frame-buffer.ts";
import { framesOf } from "../../support/frame-queues.ts";
import { aFrame } from "../../support/frames.ts";

async function drain(buffer: FrameBuffer) {
  const frames = [];
  for await (const frame of framesOf(buffer)) frames.push(frame);
  return frames;
}

test("free_run keeps the newest, counts what it gave up and releases it", async () => {
  const released: number[] = [];
  const buffer = new FrameBuffer("free_run", 2);
  for (const id of [1, 2, 3, 4, 5]) buffer.push(aFrame({ id, release: () => released.push(id) }));
  buffer.end();
  const frames = await drain(buffer);
  expect(frames.map((f) => f.id)).toEqual([4, 5]);
  expect(frames.map((f) => f.dropsBefore)).toEqual([3, 0]);
  expect(buffer.dropped).toBe(3);
  expect(released).toEqual([1, 2, 3]);
});

test("triggered answers every part in order; one without room keeps its place as lost", async () => {
  const released: number[] = [];
  const buffer = new FrameBuffer("triggered", 2);
  for (const id of [1, 2, 3, 4]) buffer.push(aFrame({ id, release: () => released.push(id) }));
  buffer.end();
  const frames = await drain(buffer);
  expect(frames.map((f) => f.id)).toEqual([1, 2, 3, 4]);
  expect(frames.map((f) => f.lost)).toEqual([
    undefined,
    undefined,
    expect.objectContaining({ code: "ERR_QUEUE_FULL" }),
    expect.objectContaining({ code: "ERR_QUEUE_FULL" }),
  ]);
  expect(released).toEqual([3, 4]);
});

test("a reader waits for the next frame, and for the end", async () => {
  const buffer = new FrameBuffer("free_run", 2);
  const reader = framesOf(buffer);
  const next = reader.next();
  buffer.push(aFrame({ id: 7 }));
  expect((await next).value.id).toBe(7);
  const end = reader.next();
  buffer.end();
  expect((await end).done).toBe(true);
});

test("a writer that can wait gets room when a frame is taken, and when all is over", async () => {
  const buffer = new FrameBuffer("free_run", 1);
  await buffer.room();
  buffer.push(aFrame({ id: 1 }));
  const room = buffer.room();
  const reader = framesOf(buffer);
  await reader.next();
  await room;
  buffer.push(aFrame({ id: 2 }));
  const over = buffer.room();
  buffer.end();
  await over;
  expect(buffer.dropped).toBe(0);
});

test("what comes after the end is released and not kept", async () => {
  let released = false;
  const buffer = new FrameBuffer("triggered", 2);
  buffer.end();
  buffer.push(
    aFrame({
      release: () => {
        released = true;
      },
    }),
  );
  expect(released).toBe(true);
  expect(await drain(buffer)).toEqual([]);
});

test("what waits when its camera stalls is given up in free_run and counted; a triggered part keeps its picture", async () => {
  const released: number[] = [];
  const buffers = (["free_run", "triggered"] as const).map((mode) => new FrameBuffer(mode, 4));
  for (const buffer of buffers) {
    for (const id of [1, 2]) buffer.push(aFrame({ id, release: () => released.push(id) }));
    buffer.discard();
    buffer.push(aFrame({ id: 3, dropsBefore: 5 }));
    buffer.end();
  }
  const seen = await Promise.all(buffers.map(drain));
  expect(seen.map((frames) => frames.map((f) => [f.id, f.dropsBefore]))).toEqual([
    [[3, 7]],
    [
      [1, 0],
      [2, 0],
      [3, 5],
    ],
  ]);
  expect(released).toEqual([1, 2]);
  expect(buffers[0]?.dropped).toBe(2);
});

test("a frame that has become stale is not handed out in free_run", async () => {
  const stale = new Set([1, 3]);
  const buffer = new FrameBuffer("free_run", 4, { isStale: ({ id }) => stale.has(id) });
  for (const id of [1, 2, 3, 4]) buffer.push(aFrame({ id }));
  buffer.end();
  const frames = await drain(buffer);
  expect(frames.map((f) => [f.id, f.dropsBefore])).toEqual([
    [2, 1],
    [4, 1],
  ]);
});

test.each(["free_run", "triggered"] as const)(
  "%s: to a late taker the newest frame of a free-running camera counts, and every part",
  (mode) => {
    const buffer = new FrameBuffer(mode, 8);
    for (const id of [1, 2, 3]) buffer.push(aFrame({ id }));
    const first = buffer.take({ isLate: true });
    expect(first).toMatchObject(mode === "free_run" ? { id: 3, dropsBefore: 2 } : { id: 1, dropsBefore: 0 });
    for (const id of [4, 5]) buffer.push(aFrame({ id }));
    expect(buffer.take({ isLate: false })?.id).toBe(mode === "free_run" ? 4 : 2);
  },
);

test("what was given up after it waited cannot be taken any more", async () => {
  const buffer = new FrameBuffer("free_run", 8);
  buffer.push(aFrame({ id: 1 }));
  expect(await buffer.waiting()).toBe(true);
  buffer.discard();
  expect(buffer.take({ isLate: false })).toBeUndefined();
  buffer.push(aFrame({ id: 2, dropsBefore: 0 }));
  expect(buffer.take({ isLate: false })).toMatchObject({ id: 2, dropsBefore: 1 });
});
