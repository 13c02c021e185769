/** [left, top, right, bottom] in pixels; of the full source frame unless said otherwise. */
export type Box = readonly [number, number, number, number];
export type Point = readonly [number, number];

export interface Detection {
  label: string;
  classId: number;
  /** 0 to 1. */
  score: number;
  box: Box;
  /** Of the shape itself, where the model marks one inside the box. */
  areaPx?: number | undefined;
  /** In pixels of the source frame, in the order in which the model was trained. */
  keypoints?: readonly Keypoint[] | undefined;
  /** What further models say about it, by their names in the configuration. */
  attributes?: Readonly<Record<string, Attribute>> | undefined;
}

export interface Keypoint {
  at: Point;
  score: number;
}

export interface Attribute {
  label: string;
  score: number;
}

export const boxArea = (box: Box): number => Math.max(0, box[2] - box[0]) * Math.max(0, box[3] - box[1]);

export const centreOf = ([left, top, right, bottom]: Box): Point => [(left + right) / 2, (top + bottom) / 2];

/** Of the shape where one is known, else of the box. */
export const areaOf = ({ areaPx, box }: Detection): number => areaPx ?? boxArea(box);

/** The area that two boxes share. */
export function sharedArea(a: Box, b: Box): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  return width <= 0 || height <= 0 ? 0 : width * height;
}

/** Intersection over union, 0 to 1. */
export function iou(a: Box, b: Box): number {
  const shared = sharedArea(a, b);
  return shared === 0 ? 0 : shared / (boxArea(a) + boxArea(b) - shared);
}
