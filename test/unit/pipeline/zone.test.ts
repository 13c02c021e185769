import { expect, test } from "vitest";
import type { Box, Point } from "../../../runtime/pipeline/detection.ts";
import { isInZone } from "../../../runtime/pipeline/zone.ts";

const SQUARE: Point[] = [
  [10, 10],
  [30, 10],
  [30, 30],
  [10, 30],
];
/** An L: the square without its upper right quarter. */
const BENT: Point[] = [
  [10, 10],
  [20, 10],
  [20, 20],
  [30, 20],
  [30, 30],
  [10, 30],
];

test.each<{ what: string; points: Point[]; overlap?: number; box: Box; inside: boolean }>([
  { what: "a centre within", points: SQUARE, box: [5, 5, 25, 25], inside: true },
  { what: "a centre beside", points: SQUARE, box: [0, 0, 12, 12], inside: false },
  {
    what: "the same, corners the other way round",
    points: SQUARE.toReversed(),
    box: [5, 5, 25, 25],
    inside: true,
  },
  { what: "a centre in the notch of an L", points: BENT, box: [24, 12, 28, 16], inside: false },
  { what: "a centre in the foot of an L", points: BENT, box: [24, 22, 28, 26], inside: true },
  {
    what: "a quarter of the box, 25 % wanted",
    points: SQUARE,
    overlap: 0.25,
    box: [0, 0, 20, 20],
    inside: true,
  },
  {
    what: "a quarter of the box, 26 % wanted",
    points: SQUARE,
    overlap: 0.26,
    box: [0, 0, 20, 20],
    inside: false,
  },
  {
    what: "three quarters of a box over the notch",
    points: BENT,
    overlap: 0.75,
    box: [10, 10, 30, 30],
    inside: true,
  },
  { what: "and no more", points: BENT, overlap: 0.76, box: [10, 10, 30, 30], inside: false },
  { what: "all of a box", points: SQUARE, overlap: 1, box: [12, 12, 20, 20], inside: true },
  { what: "a box around the zone", points: SQUARE, overlap: 0.25, box: [0, 0, 40, 40], inside: true },
  { what: "a box of no area", points: SQUARE, overlap: 0, box: [15, 15, 15, 15], inside: false },
])("$what: $inside", ({ box, inside, overlap, points }) => {
  expect(isInZone({ points, overlap }, box)).toBe(inside);
});
