import { expect, test } from "vitest";
import type { Frame } from "../../../runtime/pipeline/frame.ts";
import { PictureHold } from "../../../services/evidence/picture-hold.ts";
import { aFrame } from "../../support/frames.ts";

test("a picture is there until its verdict is, also after the pipeline released it; frames passed over go back", async () => {
  const released: number[] = [];
  async function* camera(): AsyncIterable<Frame> {
    for (const id of [1, 2, 3])
      yield aFrame({
        id,
        picture: { encoding: "still", bytes: Uint8Array.of(id) },
        release: () => released.push(id),
      });
  }
  const hold = new PictureHold();
  for await (const frame of hold.over(camera())) frame.release();
  expect(released).toEqual([]);
  expect(hold.take(0)).toBeUndefined();
  const second = hold.take(2);
  expect(second?.picture.bytes).toEqual(Uint8Array.of(2));
  expect(released).toEqual([1]);
  second?.release();
  hold.take(3)?.release();
  expect(released).toEqual([1, 2, 3]);
  expect(hold.take(3)).toBeUndefined();
});
