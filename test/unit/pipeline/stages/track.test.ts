import { expect, test } from "vitest";
import type { Box, Detection } from "../../../../runtime/pipeline/detection.ts";
import type { Judged } from "../../../../runtime/pipeline/judged.ts";
import { type TrackOptions, TrackStage } from "../../../../runtime/pipeline/stages/track.ts";
import { aJudged, found } from "../../../support/judged.ts";
import { randomFrom } from "../../../support/models.ts";
import { range } from "../../../support/results.ts";

const OPTIONS: TrackOptions = { min_frames: 3, max_missed: 3, min_iou: 0.2, min_votes: 0.5 };
const LINE = [
  [320, 0],
  [320, 480],
] as const;

const board = (left: number, score = 0.9): Detection => found("board", [left, 100, left + 100, 200], score);

/** Shows frames to a stage; what it says of parts, each with the number of the frame. */
function follow(options: Partial<TrackOptions>, frames: readonly Detection[][]) {
  const stage = new TrackStage({ ...OPTIONS, ...options });
  return frames.flatMap((detections, frame) =>
    stage
      .judge(aJudged({ detections }))
      .map(({ detections: judged, part }) => ({ frame, part, detections: judged })),
  );
}

/** A board that slides to the right, 40 pixels a frame. */
const slide = (frames: number, from = 0) => range(0, frames - 1).map((n) => [board(from + 40 * n)]);

test("a part is judged once, in the frame in which its centre crosses the line", () => {
  const judged = follow({ line: LINE }, slide(14));
  expect(judged.map(({ frame, part }) => [frame, part])).toEqual([[7, { track: 1, frames: 8 }]]);
  expect(judged[0]?.detections).toMatchObject([{ label: "board", score: expect.closeTo(0.9, 9) }]);
  expect(judged[0]?.detections[0]?.box[0]).toBeCloseTo(280, 0);
});

test("without a line it is judged when it has left the view", () => {
  const judged = follow({}, [...slide(6), [], [], [], [], []]);
  expect(judged.map(({ frame, part }) => [frame, part?.frames])).toEqual([[9, 6]]);
});

test("frames that miss it do not make it two", () => {
  const frames = slide(14).map((seen, n) => (n === 3 || n === 7 || n === 8 ? [] : seen));
  expect(follow({ line: LINE }, frames)).toHaveLength(1);
});

test("a flash is no part", () => {
  expect(follow({}, [[board(0)], [board(0)], [], [], [], [], []])).toEqual([]);
});

test("what the line is not crossed by is not judged", () => {
  expect(follow({ line: LINE }, [...slide(4), [], [], [], [], []])).toEqual([]);
});

test("it is what most of its frames say, by their scores", () => {
  const frames = slide(10).map(([seen = board(0)], n) => [
    { ...seen, label: n % 3 === 0 ? "scrap" : "board" },
  ]);
  expect(follow({ line: LINE }, frames)[0]?.detections).toMatchObject([{ label: "board" }]);
});

test("a finding counts when enough frames of the part show it, and is where the part is now", () => {
  const frames = slide(12).map(([seen = board(0)], n) => {
    const [left] = seen.box;
    const scratch = found("scratch", [left + 20, 120, left + 30, 130], 0.6);
    const flicker = found("dent", [left + 60, 150, left + 70, 160]);
    return [seen, ...(n % 4 === 0 ? [] : [scratch]), ...(n % 4 === 0 ? [flicker] : [])];
  });
  const [judged] = follow({ labels: ["board"], line: LINE }, frames);
  expect(judged?.detections.map((d) => d.label)).toEqual(["board", "scratch"]);
  const [part, scratch] = judged?.detections ?? [];
  expect((scratch?.box[0] ?? 0) - (part?.box[0] ?? 0)).toBeCloseTo(20, 3);
  expect(scratch?.score).toBeCloseTo(0.6, 9);
});

test("two parts side by side cross the line in the same frame: two verdicts", () => {
  const beside = (d: Detection): Detection => ({ ...d, box: [d.box[0], 300, d.box[2], 400] });
  const judged = follow(
    { line: LINE },
    slide(12).map(([seen = board(0)]) => [seen, beside(seen)]),
  );
  expect(judged.map(({ part }) => part?.track).sort()).toEqual([1, 2]);
});

test("frames that were dropped or failed count as steps", () => {
  const stage = new TrackStage({ ...OPTIONS, line: LINE });
  const step = (left: number, dropsBefore = 0): readonly Judged[] => {
    const empty = aJudged();
    return stage.judge({ ...empty, detections: [board(left)], frame: { ...empty.frame, dropsBefore } });
  };
  // 60 pixels a frame: after a gap of three frames nothing overlaps but what is expected.
  for (const left of [0, 60, 120]) expect(step(left)).toEqual([]);
  const [failed] = [aJudged()];
  stage.missed(failed);
  expect(step(300, 1).map(({ part }) => part)).toEqual([{ track: 1, frames: 4 }]);
});

/** Parts, a pitch apart, that slide through a view of 640 × 480, as a detector that errs sees them. */
function conveyor(parts: number, seed: number) {
  const random = randomFrom(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const [pitch, speed, side] = [170, 23, 100];
  const bad = range(1, parts).map(() => random() < 0.1);
  let [misses, falseOnes] = [0, 0];
  const stage = new TrackStage({
    ...OPTIONS,
    min_frames: 4,
    max_missed: 5,
    labels: ["board", "scrap"],
    line: LINE,
  });
  const judged: Judged[] = [];
  const frames = Math.ceil((parts * pitch + 900) / speed);
  for (let frame = 0; frame < frames; frame++) {
    const detections: Detection[] = [];
    const first = Math.max(0, Math.floor((frame * speed - 640 - side) / pitch));
    for (let n = first; n < parts && n * pitch < frame * speed; n++) {
      const left = frame * speed - n * pitch - side;
      if (left > 640) continue;
      if (random() < 0.05) {
        misses++;
        continue;
      }
      const [dx, dy, dw, dh] = [normal() * 3, normal() * 3, normal() * 3, normal() * 3];
      const box: Box = [
        Math.max(0, left + dx),
        150 + dy,
        Math.min(640, left + dx + side + dw),
        250 + dy + dh,
      ];
      if (box[2] - box[0] < 20) continue;
      // One frame in ten says the wrong label.
      const label = bad[n] === random() < 0.9 ? "scrap" : "board";
      detections.push(found(label, box, 0.5 + random() / 2));
    }
    while (random() < 0.1) {
      falseOnes++;
      const [x, y] = [random() * 560, random() * 400];
      detections.push(
        found("board", [x, y, x + 40 + random() * 60, y + 40 + random() * 60], 0.3 + random() / 3),
      );
    }
    judged.push(...stage.judge(aJudged({ detections })));
  }
  return { bad, judged, misses, falseOnes, frames };
}

/** Exact for each of the 40 seeds that were tried. */
test("10,000 parts on a conveyor are counted once each, with misses, jitter and false detections", () => {
  const seed = Date.now() % 1e9;
  const { bad, falseOnes, frames, judged, misses } = conveyor(10_000, seed);
  const wrong = judged.filter(({ detections }, n) => (detections[0]?.label === "scrap") !== bad[n]).length;
  console.log(
    `seed ${seed}: ${judged.length} parts in ${frames} frames, ${misses} misses, ${falseOnes} false detections, ${wrong} wrong labels`,
  );
  expect(judged).toHaveLength(10_000);
  expect(wrong).toBeLessThan(20);
});

test("what is remembered is bounded, whatever comes", () => {
  const random = randomFrom(5);
  const stage = new TrackStage(OPTIONS);
  for (let frame = 0; frame < 200; frame++) {
    const detections = range(1, 300).map(() => {
      const [x, y] = [random() * 600, random() * 400];
      return found("board", [x, y, x + 10, y + 10]);
    });
    stage.judge(aJudged({ detections }));
  }
  expect(stage.following).toBeLessThanOrEqual(200);
});
