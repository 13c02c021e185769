import { expect, test } from "vitest";
import type { Frame, Picture } from "../../../runtime/pipeline/frame.ts";
import { type KeptPictures, Recorder, type StoredResult } from "../../../services/line/recorder.ts";
import { queueOver } from "../../support/frame-queues.ts";
import { aFrame } from "../../support/frames.ts";
import { aJudged } from "../../support/judged.ts";

const NONE: KeptPictures = { links: [], error: null };

/** A recorder whose evidence is kept when the test says so; frames 1 to `count` have gone through its hold. */
async function setUp(count: number) {
  const said: string[] = [];
  const kept: PromiseWithResolvers<KeptPictures>[] = [];
  const concluded: Promise<readonly StoredResult[]>[] = [];
  const state = { copies: false, fails: false };
  const recorder = new Recorder(
    {
      store: {
        append: async ({ payload }) => {
          if (state.fails) throw new Error("disk");
          return said.push(`stored ${(payload as StoredResult).frame.id}`);
        },
      },
      evidence: {
        keep: (_, own) => {
          if (state.copies) void own();
          const pending = Promise.withResolvers<KeptPictures>();
          kept.push(pending);
          return pending.promise;
        },
      },
      live: () => undefined,
      senders: {
        ...{ answeredBy: () => {}, notAnsweredBy: () => {}, end: () => {} },
        conclude: (_, frameId, results) => {
          said.push(`concluded ${frameId}`);
          concluded.push(results);
          results.catch(() => {});
        },
      },
      copy: (picture: Picture) => Promise.resolve(picture),
      ...{ liveSideMax: 9, onResult: () => {} },
    },
    { pipeline: "top", provenance: { device: "d", boot_id: "b" }, framesMax: 4 },
  );
  async function* frames(): AsyncGenerator<Frame> {
    for (let id = 1; id <= count; id++) yield aFrame({ id, release: () => void said.push(`released ${id}`) });
  }
  const queue = recorder.holding(queueOver(frames()));
  while (await queue.waiting()) queue.take({ isLate: false })?.release();
  const judged = (id: number) => aJudged({ frame: { ...aJudged().frame, id } });
  return { concluded, judged, kept, recorder, said, state };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("results are stored in the order of the frames, whichever pictures are kept first", async () => {
  const { concluded, judged, kept, recorder, said } = await setUp(2);
  const recording = [recorder.record([judged(1)], 1), recorder.record([judged(2)], 2)];
  expect(said.filter((each) => each.startsWith("concluded"))).toEqual(["concluded 1", "concluded 2"]);
  kept[1]?.resolve(NONE);
  await settled();
  expect(said).not.toContain("stored 2");
  kept[0]?.resolve(NONE);
  await Promise.all(recording);
  expect(said.filter((each) => each.startsWith("stored"))).toEqual(["stored 1", "stored 2"]);
  expect((await Promise.all(concluded)).map(([result]) => result?.frame.id)).toEqual([1, 2]);
});

test("the camera has its frame back when whoever wants the picture has copied it, and the rest at the end", async () => {
  const { judged, kept, recorder, said, state } = await setUp(3);
  state.copies = true;
  const recording = recorder.record([judged(2)], 2);
  await settled();
  expect(said.filter((each) => each.startsWith("released"))).toEqual(["released 1"]);
  kept[0]?.resolve(NONE);
  await recording;
  recorder.end();
  await settled();
  expect(said.filter((each) => each.startsWith("released"))).toEqual([
    "released 1",
    "released 2",
    "released 3",
  ]);
});

test("a result that cannot be stored is said to whoever sent the frame, and the next one is stored", async () => {
  const { concluded, judged, kept, recorder, said, state } = await setUp(2);
  state.fails = true;
  const failing = recorder.record([judged(1)], 1);
  kept[0]?.resolve(NONE);
  await expect(failing).rejects.toThrow("disk");
  await expect(concluded[0]).rejects.toThrow("disk");
  state.fails = false;
  const next = recorder.record([judged(2)], 2);
  kept[1]?.resolve(NONE);
  await next;
  expect(said).toContain("stored 2");
});
