import type { Rect } from "../native/index.ts";
import { type Box, boxArea, type Detection, sharedArea } from "./detection.ts";

export type Merge = "nms" | "fuse";

/** What was found in one tile, in pixels of the picture that the tiles cover. */
export interface Looked {
  tile: Rect;
  detections: readonly Detection[];
}

/** Two boxes show one thing when they share more than this of the smaller one: a seam may have cut it in two. */
const SAME_FROM = 0.5;

interface Group {
  best: Detection;
  members: Detection[];
  /** That saw it. */
  tiles: Set<Rect>;
}

/**
 * Joins what several tiles saw of the same thing. Boxes of one tile stay apart: its model has already said that
 * they are different things. `nms` keeps the best box. `fuse` is a vote of all tiles that show the whole of it
 * (weighted box fusion, arXiv:1910.13302): boxes weigh by their scores, and a tile that saw nothing votes 0, which
 * is how a trace that only looks broken at the edge of one tile loses its score.
 */
export function mergeTiles(looks: readonly Looked[], how: Merge): Detection[] {
  const all = looks.flatMap(({ detections, tile }) => detections.map((detection) => ({ detection, tile })));
  const groups: Group[] = [];
  for (const { detection, tile } of all.toSorted((a, b) => b.detection.score - a.detection.score)) {
    const group = groups.find((g) => !g.tiles.has(tile) && isSame(g.best, detection));
    group?.members.push(detection);
    group?.tiles.add(tile);
    if (!group) groups.push({ best: detection, members: [detection], tiles: new Set([tile]) });
  }
  if (how === "nms") return groups.map(({ best }) => best);
  const tiles = looks.map(({ tile }) => tile);
  return groups.map((group) => fused(group, tiles)).sort((a, b) => b.score - a.score);
}

function isSame(a: Detection, b: Detection): boolean {
  if (a.classId !== b.classId) return false;
  const smaller = Math.min(boxArea(a.box), boxArea(b.box));
  return smaller > 0 && sharedArea(a.box, b.box) / smaller > SAME_FROM;
}

function fused({ best, members, tiles }: Group, all: readonly Rect[]): Detection {
  const scores = members.reduce((sum, { score }) => sum + score, 0);
  const mean = (side: 0 | 1 | 2 | 3) =>
    members.reduce((sum, { box, score }) => sum + box[side] * score, 0) / scores;
  const votes = all.filter((tile) => tiles.has(tile) || holds(tile, best.box)).length;
  return { ...best, score: scores / votes, box: [mean(0), mean(1), mean(2), mean(3)] };
}

/** Closer to its edge a tile shows too little around a thing to speak against it. */
const EDGE_PX = 8;

const holds = ({ height, left, top, width }: Rect, [x1, y1, x2, y2]: Box): boolean =>
  Math.min(x1 - left, y1 - top, left + width - x2, top + height - y2) >= EDGE_PX;
