import type { Box, Point } from "./detection.ts";
import type { Size } from "./fit.ts";

/** A projective map of the plane, row by row. */
export type Homography = readonly [number, number, number, number, number, number, number, number, number];

/** Top left, top right, bottom right, bottom left. */
export type Corners = readonly [Point, Point, Point, Point];

/** The map from a rectangle to a quadrangle, corner to corner (Heckbert, 1989, section 2.2.3). */
export function rectangleToQuadrangle({ height, width }: Size, [p0, p1, p2, p3]: Corners): Homography {
  const [dx1, dx2, dx3] = [p1[0] - p2[0], p3[0] - p2[0], p0[0] - p1[0] + p2[0] - p3[0]];
  const [dy1, dy2, dy3] = [p1[1] - p2[1], p3[1] - p2[1], p0[1] - p1[1] + p2[1] - p3[1]];
  const det = dx1 * dy2 - dx2 * dy1;
  const g = (dx3 * dy2 - dx2 * dy3) / det;
  const h = (dx1 * dy3 - dx3 * dy1) / det;
  const row = (axis: 0 | 1) =>
    [p1[axis] - p0[axis] + g * p1[axis], p3[axis] - p0[axis] + h * p3[axis]] as const;
  const [[a, b], [d, e]] = [row(0), row(1)];
  return [a / width, b / height, p0[0], d / width, e / height, p0[1], g / width, h / height, 1];
}

export function inverse([a, b, c, d, e, f, g, h, i]: Homography): Homography {
  // The adjugate; its scale does not matter.
  return [
    e * i - f * h,
    c * h - b * i,
    b * f - c * e,
    f * g - d * i,
    a * i - c * g,
    c * d - a * f,
    d * h - e * g,
    b * g - a * h,
    a * e - b * d,
  ];
}

export function project([a, b, c, d, e, f, g, h, i]: Homography, [x, y]: Point): Point {
  const w = g * x + h * y + i;
  return [(a * x + b * y + c) / w, (d * x + e * y + f) / w];
}

/** The upright box around a projected one. */
export function projectBox(map: Homography, [left, top, right, bottom]: Box): Box {
  const corners: Point[] = [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ];
  const points = corners.map((corner) => project(map, corner));
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}
