import { expect, onTestFinished, test } from "vitest";
import { openKernels, type Rect } from "../../../../runtime/native/index.ts";
import type { Detection } from "../../../../runtime/pipeline/detection.ts";
import type { RawPicture } from "../../../../runtime/pipeline/frame.ts";
import { pixelsOf } from "../../../../runtime/pipeline/scene.ts";
import { classifyStage } from "../../../../runtime/pipeline/stages/classify.ts";
import { detectStage } from "../../../../runtime/pipeline/stages/detect.ts";
import { rectifyStage } from "../../../../runtime/pipeline/stages/rectify.ts";
import { regionStage } from "../../../../runtime/pipeline/stages/region.ts";
import { NO_TIME } from "../../../../runtime/pipeline/timing.ts";
import type { DetectOptions, Seen } from "../../../../runtime/pipeline/vision-model.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { found } from "../../../support/judged.ts";
import { greyPicture } from "../../../support/raw-pictures.ts";
import { aScene } from "../../../support/scenes.ts";

const clock = new FakeClock();
const picture = greyPicture(200, 100, (x, y) => (x + y) % 256);

/** A model that answers by the part of the picture it is shown, and remembers which parts those were. */
function fakeModel(answer: (area: Rect | undefined) => Detection[]) {
  const areas: (Rect | undefined)[] = [];
  const model = {
    options: { input: { width: 64, height: 64 } },
    async detect(_: unknown, { area }: DetectOptions): Promise<Seen> {
      areas.push(area);
      return {
        detections: answer(area),
        source: { width: 200, height: 100 },
        timing: { ...NO_TIME, infer: 2 },
      };
    },
  };
  return { areas, deps: { modelOf: () => model, runsPerFrame: 2, clock, name: "second" } };
}

test("a region is what the model is shown; boxes stay those of the frame", async () => {
  const { areas, deps } = fakeModel(() => [found("dent", [60, 30, 70, 40])]);
  const scene = await regionStage({ left: 50, top: 20, width: 100, height: 60 }).look(aScene(picture));
  const { detections } = await detectStage(deps, { min_score: 0.3 }).look(scene);
  expect(areas).toEqual([{ left: 50, top: 20, width: 100, height: 60 }]);
  expect(detections.map((d) => d.box)).toEqual([[60, 30, 70, 40]]);
});

test("a region that leaves the picture is the frame's error", async () => {
  const look = regionStage({ left: 150, top: 0, width: 51, height: 10 }).look(aScene(picture));
  await expect(look).rejects.toMatchObject({
    code: "ERR_FRAME_INVALID",
    hint: expect.stringMatching(/region/),
  });
});

test("tiles cover the region, and what two of them see is one", async () => {
  const { areas, deps } = fakeModel((area) =>
    area && area.left <= 60 && area.left + area.width >= 90 ? [found("dent", [70, 30, 80, 40])] : [],
  );
  const scene = await regionStage({ left: 0, top: 0, width: 160, height: 64 }).look(aScene(picture));
  const tile = { overlap_px: 32, merge: "nms" } as const;
  const { detections, timing } = await detectStage(deps, { min_score: 0.3, tile }).look(scene);
  expect(areas.map((area) => area?.left)).toEqual([0, 32, 64, 96]);
  expect(detections).toHaveLength(1);
  expect(timing.infer).toBeLessThanOrEqual(8);
});

test("a second model is shown each detection with its margin, and names it", async () => {
  const { areas, deps } = fakeModel((area) => [
    { ...found("cap", [0, 0, 1, 1], 0.8), classId: (area?.left ?? 0) > 100 ? 1 : 0 },
  ]);
  const first = [
    found("blob", [50, 40, 70, 50]),
    found("blob", [180, 80, 199, 99], 0.8),
    found("other", [0, 0, 9, 9]),
  ];
  const options = { labels: ["blob"], margin: 0.1, min_score: 0.5, writes: "label" } as const;
  const { detections } = await classifyStage(deps, options).look(aScene(picture, first));
  expect(areas).toEqual([
    { left: 48, top: 39, width: 24, height: 12 },
    { left: 178, top: 78, width: 22, height: 22 },
  ]);
  expect(detections.map(({ classId, label, score }) => [label, classId, score])).toEqual([
    ["cap", 0, 0.8],
    ["cap", 1, 0.8],
    ["other", 0, 0.9],
  ]);
  expect(detections[0]?.box).toEqual([50, 40, 70, 50]);
});

test("or adds what it says, or drops what it is not sure of", async () => {
  const { deps } = fakeModel(() => [found("cap", [0, 0, 1, 1], 0.4)]);
  const scene = aScene(picture, [found("blob", [50, 40, 70, 50])]);
  const options = { margin: 0, min_score: 0, writes: "attribute" } as const;
  const { detections } = await classifyStage(deps, options).look(scene);
  expect(detections).toMatchObject([
    { label: "blob", score: 0.9, attributes: { second: { label: "cap", score: 0.4 } } },
  ]);
  const strict = await classifyStage(deps, { ...options, min_score: 0.5 }).look(scene);
  expect(strict.detections).toEqual([]);
});

test("a quadrangle becomes a rectangle, and a box on it comes out around its place in the frame", async () => {
  // A trapezium of 100 above and 140 below, in which grey grows from 0 at the top to 200 at the bottom.
  const board = greyPicture(200, 120, (_, y) => Math.max(0, Math.min(200, (y - 10) * 2)));
  const corners = [
    [50, 10],
    [150, 10],
    [170, 110],
    [30, 110],
  ] as const;
  const rectify = rectifyStage({ kernels: openKernels(), clock }, { corners, width: 80, height: 60 });
  onTestFinished(() => rectify.close?.());
  const scene = await rectify.look(aScene(board));
  const { bytes, format, height, width } = pixelsOf(scene.view);
  expect([format, width, height]).toEqual(["gray8", 80, 60]);
  expect(bytes[0]).toBeLessThan(6);
  expect(bytes[59 * 80 + 79]).toBeGreaterThan(190);
  const back = scene.view.toSource([0, 0, 80, 60]);
  expect(back.map((v) => Number(v.toFixed(6)))).toEqual([30, 10, 170, 110]);
  const there = scene.view.fromSource([50, 10, 150, 10]);
  expect(there.map((v) => Number(v.toFixed(6)))).toEqual([0, 0, 80, 0]);
});

test("what is rectified is what lies there: a mark is where the map says", async () => {
  const marked = greyPicture(200, 120, (x, y) => (x >= 96 && x < 104 && y >= 56 && y < 64 ? 255 : 0));
  const corners = [
    [50, 10],
    [150, 10],
    [170, 110],
    [30, 110],
  ] as const;
  const rectify = rectifyStage({ kernels: openKernels(), clock }, { corners, width: 140, height: 100 });
  onTestFinished(() => rectify.close?.());
  const scene = await rectify.look(aScene(marked));
  const pixels: RawPicture = pixelsOf(scene.view);
  const bright = [...pixels.bytes.keys()].filter((i) => (pixels.bytes[i] ?? 0) > 128);
  const xs = bright.map((i) => i % 140);
  const ys = bright.map((i) => Math.floor(i / 140));
  const [left, top, right, bottom] = scene.view.fromSource([96, 56, 104, 64]);
  expect(Math.abs(Math.min(...xs) - left)).toBeLessThan(1.5);
  expect(Math.abs(Math.max(...xs) + 1 - right)).toBeLessThan(1.5);
  expect(Math.abs(Math.min(...ys) - top)).toBeLessThan(1.5);
  expect(Math.abs(Math.max(...ys) + 1 - bottom)).toBeLessThan(1.5);
});
