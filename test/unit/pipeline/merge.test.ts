import { expect, test } from "vitest";
import type { Rect } from "../../../runtime/native/index.ts";
import type { Box, Detection } from "../../../runtime/pipeline/detection.ts";
import { type Looked, mergeTiles } from "../../../runtime/pipeline/merge.ts";
import { tilesOver } from "../../../runtime/pipeline/tiles.ts";
import { found } from "../../support/judged.ts";
import { randomFrom } from "../../support/models.ts";

const LEFT: Rect = { left: 0, top: 0, width: 100, height: 100 };
const RIGHT: Rect = { left: 60, top: 0, width: 100, height: 100 };
const look = (left: Detection[], right: Detection[]): Looked[] => [
  { tile: LEFT, detections: left },
  { tile: RIGHT, detections: right },
];

test("nms keeps the better of two views, as it is", () => {
  const [better, worse] = [found("dent", [70, 10, 90, 30], 0.9), found("dent", [71, 11, 91, 31], 0.6)];
  expect(mergeTiles(look([worse], [better]), "nms")).toEqual([better]);
});

test("fuse weighs two views by their scores, by hand: (70·0.9 + 73·0.6) / 1.5 = 71.2, (0.9 + 0.6) / 2 = 0.75", () => {
  const views = look([found("dent", [70, 10, 90, 30], 0.9)], [found("dent", [73, 10, 93, 30], 0.6)]);
  const [fused, ...rest] = mergeTiles(views, "fuse");
  expect(rest).toEqual([]);
  expect(fused?.score).toBeCloseTo(0.75, 9);
  expect(fused?.box.map((v) => Number(v.toFixed(9)))).toEqual([71.2, 10, 91.2, 30]);
});

test("a tile that shows the whole of it and saw nothing votes against it", () => {
  expect(mergeTiles(look([found("dent", [70, 10, 90, 30], 0.8)], []), "fuse")[0]?.score).toBeCloseTo(0.4, 9);
});

test("a tile that shows a part of it only does not", () => {
  expect(mergeTiles(look([found("dent", [50, 10, 90, 30], 0.8)], []), "fuse")[0]?.score).toBeCloseTo(0.8, 9);
});

test("the rest of a box that a seam cut goes into the whole one", () => {
  const [whole, rest] = [found("dent", [50, 10, 90, 30], 0.9), found("dent", [60, 10, 90, 30], 0.7)];
  expect(mergeTiles(look([whole], [rest]), "nms")).toEqual([whole]);
});

test("neighbours of one tile and of two labels stay apart", () => {
  const [a, b] = [found("dent", [70, 10, 90, 30], 0.9), found("dent", [74, 10, 94, 30], 0.8)];
  const c = { ...found("spur", [72, 10, 92, 30], 0.7), classId: 1 };
  expect(mergeTiles(look([a, b], [c]), "nms")).toEqual([a, b, c]);
});

const seed = Date.now() % 1e9;

/** Things that do not touch one another, as every tile that shows them wholly sees them, with jitter. */
function scene(random: () => number) {
  const tiles = tilesOver({ left: 0, top: 0, width: 500, height: 500 }, { width: 200, height: 200 }, 60);
  const truths: Box[] = [];
  for (let n = 0; n < 40; n++) {
    const [x, y] = [random() * 450, random() * 450];
    const box: Box = [x, y, x + 10 + random() * 40, y + 10 + random() * 40];
    const isFree = truths.every(
      (t) => t[0] > box[2] + 8 || t[2] + 8 < box[0] || t[1] > box[3] + 8 || t[3] + 8 < box[1],
    );
    if (isFree) truths.push(box);
  }
  const jitter = () => (random() - 0.5) * 2;
  const looks = tiles.map((tile) => {
    const whole = truths.filter(
      ([x1, y1, x2, y2]) =>
        x1 >= tile.left + 2 &&
        y1 >= tile.top + 2 &&
        x2 <= tile.left + tile.width - 2 &&
        y2 <= tile.top + tile.height - 2,
    );
    const seen = (box: Box) => box.map((v) => v + jitter()) as unknown as Box;
    return { tile, detections: whole.map((box) => found("dent", seen(box), 0.5 + random() / 2)) };
  });
  const visible = truths.filter((box) =>
    looks.some(({ detections }) =>
      detections.some((d) => Math.abs(d.box[0] - box[0]) < 1.5 && Math.abs(d.box[1] - box[1]) < 1.5),
    ),
  );
  return { looks, visible };
}

test.each(["nms", "fuse"] as const)(
  `%s: each thing comes out once, near where it is (seed ${seed})`,
  (how) => {
    const random = randomFrom(seed);
    for (let n = 0; n < 100; n++) {
      const { looks, visible } = scene(random);
      const merged = mergeTiles(looks, how);
      expect(merged).toHaveLength(visible.length);
      for (const box of visible) {
        const near = merged.filter((d) => d.box.every((v, side) => Math.abs(v - (box[side] ?? 0)) <= 1));
        expect(near).toHaveLength(1);
      }
      // The order in which tiles come changes nothing but the order of equals.
      const sorted = (list: Detection[]) => list.map((d) => d.box.map((v) => v.toFixed(6)).join()).sort();
      expect(sorted(mergeTiles(looks.toReversed(), how))).toEqual(sorted(merged));
    }
  },
);
