import { type Box, boxArea, centreOf, type Point } from "./detection.ts";

/** A part of the source frame with straight edges, in pixels. */
export interface Zone {
  /** Its corners in order, three or more. */
  points: readonly Point[];
  /** Share of a box, 0 to 1, that must lie in it. Left out: the box's centre counts. */
  overlap?: number | undefined;
}

export function isInZone({ overlap, points }: Zone, box: Box): boolean {
  if (overlap === undefined) return contains(points, centreOf(box));
  const area = boxArea(box);
  return area > 0 && areaWithin(points, box) / area >= overlap;
}

/** By the number of edges that a ray to the right crosses. */
function contains(points: readonly Point[], [x, y]: Point): boolean {
  let isInside = false;
  edges(points, ([x1, y1], [x2, y2]) => {
    if (y1 > y !== y2 > y && x < x1 + ((y - y1) * (x2 - x1)) / (y2 - y1)) isInside = !isInside;
  });
  return isInside;
}

/** The area that a zone shares with a box: the polygon cut at each side of it (Sutherland and Hodgman, 1974). */
function areaWithin(points: readonly Point[], [left, top, right, bottom]: Box): number {
  let rest = points;
  rest = cut(rest, ([x]) => x - left);
  rest = cut(rest, ([x]) => right - x);
  rest = cut(rest, ([, y]) => y - top);
  rest = cut(rest, ([, y]) => bottom - y);
  let twice = 0;
  edges(rest, ([x1, y1], [x2, y2]) => {
    twice += x1 * y2 - x2 * y1;
  });
  return Math.abs(twice) / 2;
}

/** What lies on the side where `distance` is not negative; `distance` is linear. */
function cut(points: readonly Point[], distance: (point: Point) => number): Point[] {
  const kept: Point[] = [];
  edges(points, (a, b) => {
    const [da, db] = [distance(a), distance(b)];
    if (da >= 0) kept.push(a);
    if (da >= 0 === db >= 0) return;
    const t = da / (da - db);
    kept.push([a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])]);
  });
  return kept;
}

function edges(points: readonly Point[], visit: (from: Point, to: Point) => void): void {
  let from = points.at(-1);
  for (const to of points) {
    if (from) visit(from, to);
    from = to;
  }
}
