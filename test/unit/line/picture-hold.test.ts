import { expect, test } from "vitest";
import type { Frame } from "../../../runtime/pipeline/frame.ts";
import { PictureHold } from "../../../services/line/picture-hold.ts";
import { framesOf, queueOver } from "../../support/frame-queues.ts";
import { aFrame } from "../../support/frames.ts";

/** Frames 1 to `count`, which a pipeline takes; `released` are those that the camera has back. */
async function setUp(count: number, framesMax: number) {
  const released: number[] = [];
  async function* camera(): AsyncGenerator<Frame> {
    for (let id = 1; id <= count; id++) {
      const picture = { encoding: "still", bytes: Uint8Array.of(id) } as const;
      yield aFrame({ id, picture, release: () => released.push(id) });
    }
  }
  const hold = new PictureHold(framesMax);
  const frames = framesOf(hold.over(queueOver(camera())));
  const taken: Frame[] = [];
  while (taken.length < count) taken.push((await frames.next()).value);
  return { hold, released, taken };
}

test("a picture is there until its verdicts are, also after the pipeline released it", async () => {
  const { hold, released, taken } = await setUp(3, 3);
  for (const frame of taken) frame.release();
  expect(released).toEqual([]);
  const [one, other] = [hold.take(2), hold.take(2)];
  expect(released).toEqual([1]);
  expect([one, other].map((held) => held?.picture.bytes)).toEqual([Uint8Array.of(2), Uint8Array.of(2)]);
  one?.release();
  const third = hold.take(3);
  expect(released).toEqual([1]);
  other?.release();
  expect(released).toEqual([1, 2]);
  third?.release();
  expect(hold.take(1)).toBeUndefined();
});

test("of frames that no verdict comes for no more are held than may be in flight, the newest", async () => {
  const { hold, released, taken } = await setUp(10, 3);
  for (const frame of taken) frame.release();
  expect(released).toEqual([1, 2, 3, 4, 5, 6, 7]);
  hold.take(10)?.release();
  expect(released).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("a frame that the pipeline still looks at is never given back", async () => {
  const { hold, released, taken } = await setUp(4, 2);
  for (const frame of taken.slice(1)) frame.release();
  expect(released).toEqual([2]);
  hold.take(4)?.release();
  expect(released).toEqual([2, 3]);
});

test("after the last verdict the camera has all its frames back", async () => {
  const { hold, released, taken } = await setUp(2, 2);
  for (const frame of taken) frame.release();
  hold.take(2)?.release();
  expect(released).toEqual([1]);
  hold.end();
  expect(released).toEqual([1, 2]);
});
