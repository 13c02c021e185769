import { expect, test } from "vitest";
import type { Frame, FrameSource } from "../../../runtime/pipeline/frame.ts";
import { Camera } from "../../../services/camera/camera.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { framesOf } from "../../support/frame-queues.ts";
import { RecordingLogger } from "../../support/recording-logger.ts";

/** A source of twelve frames that counts those that came back. */
function source() {
  const released: number[] = [];
  const frames: FrameSource = {
    canWait: false,
    async *frames() {
      for (let id = 1; id <= 12; id++) {
        const picture = { encoding: "still", bytes: new Uint8Array() } as const;
        const known = { id, camera: "c", capturedAtNs: 0n, capturedAtMs: 0, dropsBefore: 0 };
        yield { ...known, picture, origin: undefined, lost: undefined, release: () => released.push(id) };
      }
    },
  };
  return { frames, released };
}

async function judged(mode: "free_run" | "triggered", every: number) {
  const { frames, released } = source();
  const nobody = () => {};
  const deps = { clock: new FakeClock(), logger: new RecordingLogger(), source: frames };
  const camera = new Camera(
    { ...deps, onStatus: nobody, onEvent: nobody },
    { id: "c", mode, buffer: 20, every: () => every },
  );
  const watched = camera.watch();
  camera.start();
  const seen: Pick<Frame, "id" | "dropsBefore">[] = [];
  for await (const { dropsBefore, id, release } of framesOf(watched)) {
    seen.push({ id, dropsBefore });
    release();
  }
  return { seen, released, dropped: camera.stats.dropped };
}

test("a free-running camera has one frame in this many judged; the others are counted and given back", async () => {
  const { dropped, released, seen } = await judged("free_run", 3);
  expect(seen).toEqual([3, 6, 9, 12].map((id) => ({ id, dropsBefore: expect.any(Number) })));
  expect(seen.reduce((sum, { dropsBefore }) => sum + dropsBefore, 0)).toBe(8);
  expect(dropped).toBe(8);
  expect(released.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
});

test("triggered parts are judged all", async () => {
  const { dropped, seen } = await judged("triggered", 3);
  expect(seen).toHaveLength(12);
  expect(dropped).toBe(0);
});
