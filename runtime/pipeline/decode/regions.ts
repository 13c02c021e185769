import type { Size } from "../fit.ts";
import type { Candidate } from "./candidate.ts";

/** A map of what each cell shows: a class, or -1 for nothing, and how sure that is. */
export interface CellMap extends Size {
  classes: Int16Array;
  scores: Float32Array;
}

/** Cells of one class that touch, also by a corner; in cells. */
interface Region {
  classId: number;
  cells: number;
  left: number;
  top: number;
  right: number;
  bottom: number;
  scores: number;
}

/** More regions than any inspection shows are noise. */
export const REGIONS_MAX = 1_000;

/** Each region as a candidate: its box, its area, and the mean score of its cells. */
export function regionsOf(map: CellMap, input: Size, minScore: number): Candidate[] {
  const [sx, sy] = [input.width / map.width, input.height / map.height];
  return label(map)
    .map((r) => ({
      classId: r.classId,
      score: r.scores / r.cells,
      box: [r.left * sx, r.top * sy, r.right * sx, r.bottom * sy] as const,
      areaPx: r.cells * sx * sy,
    }))
    .filter(({ score }) => score >= minScore)
    .sort((a, b) => b.score - a.score)
    .slice(0, REGIONS_MAX);
}

function label(map: CellMap): Region[] {
  const flood: Flood = {
    ...map,
    seen: new Uint8Array(map.classes.length),
    stack: new Int32Array(map.classes.length),
  };
  const regions: Region[] = [];
  map.classes.forEach((classId, start) => {
    if (classId >= 0 && flood.seen[start] === 0) regions.push(fill(flood, start, classId));
  });
  return regions;
}

interface Flood extends CellMap {
  seen: Uint8Array;
  /** Cells of the region whose neighbours are still to be looked at; each cell stands here once at most. */
  stack: Int32Array;
}

function fill(flood: Flood, start: number, classId: number): Region {
  const { scores, seen, stack, width } = flood;
  const region = {
    classId,
    cells: 0,
    left: Infinity,
    top: Infinity,
    right: 0,
    bottom: 0,
    scores: 0,
  };
  stack[0] = start;
  seen[start] = 1;
  for (let depth = 1; depth > 0; ) {
    const cell = stack[--depth] as number;
    grow(region, cell % width, Math.floor(cell / width), scores[cell] as number);
    depth = pushNeighbours(flood, cell, depth);
  }
  return region;
}

function pushNeighbours({ classes, height, seen, stack, width }: Flood, cell: number, depth: number): number {
  const [cx, cy] = [cell % width, Math.floor(cell / width)];
  let top = depth;
  for (let y = Math.max(0, cy - 1); y <= Math.min(height - 1, cy + 1); y++) {
    for (let x = Math.max(0, cx - 1); x <= Math.min(width - 1, cx + 1); x++) {
      const next = y * width + x;
      if (seen[next] === 1 || classes[next] !== classes[cell]) continue;
      seen[next] = 1;
      stack[top++] = next;
    }
  }
  return top;
}

function grow(region: Region, x: number, y: number, score: number): void {
  region.cells += 1;
  region.scores += score;
  region.left = Math.min(region.left, x);
  region.top = Math.min(region.top, y);
  region.right = Math.max(region.right, x + 1);
  region.bottom = Math.max(region.bottom, y + 1);
}
