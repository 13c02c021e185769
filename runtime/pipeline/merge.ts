import { type Box, boxArea, type Detection, sharedArea } from "./detection.ts";

export type Merge = "nms" | "fuse";

/** Two boxes show one thing when they share more than this of the smaller one: a seam may have cut it in two. */
const SAME_FROM = 0.5;

interface Group {
  best: Detection;
  members: Detection[];
  /** Tiles that saw it. */
  tiles: Set<number>;
}

/**
 * Joins what several tiles saw of the same thing. Boxes of one tile stay apart: its model has already said that
 * they are different things. `nms` keeps the best box; `fuse` weighs all by their scores (weighted box fusion,
 * arXiv:1910.13302), with the best score.
 */
export function mergeTiles(tiles: readonly (readonly Detection[])[], how: Merge): Detection[] {
  const all = tiles.flatMap((found, tile) => found.map((detection) => ({ detection, tile })));
  const groups: Group[] = [];
  for (const { detection, tile } of all.toSorted((a, b) => b.detection.score - a.detection.score)) {
    const group = groups.find((g) => !g.tiles.has(tile) && isSame(g.best, detection));
    group?.members.push(detection);
    group?.tiles.add(tile);
    if (!group) groups.push({ best: detection, members: [detection], tiles: new Set([tile]) });
  }
  return groups.map(({ best, members }) => (how === "nms" ? best : { ...best, box: fusedBox(members) }));
}

function isSame(a: Detection, b: Detection): boolean {
  if (a.classId !== b.classId) return false;
  const smaller = Math.min(boxArea(a.box), boxArea(b.box));
  return smaller > 0 && sharedArea(a.box, b.box) / smaller > SAME_FROM;
}

function fusedBox(members: readonly Detection[]): Box {
  const weight = members.reduce((sum, { score }) => sum + score, 0);
  const mean = (side: 0 | 1 | 2 | 3) =>
    members.reduce((sum, { box, score }) => sum + box[side] * score, 0) / weight;
  return [mean(0), mean(1), mean(2), mean(3)];
}
