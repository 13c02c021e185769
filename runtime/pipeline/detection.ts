/** [left, top, right, bottom] in pixels; of the full source frame unless said otherwise. */
export type Box = readonly [number, number, number, number];

export interface Detection {
  label: string;
  classId: number;
  /** 0 to 1. */
  score: number;
  box: Box;
}

export const boxArea = (box: Box): number => Math.max(0, box[2] - box[0]) * Math.max(0, box[3] - box[1]);

/** Intersection over union, 0 to 1. */
export function iou(a: Box, b: Box): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const overlap = width * height;
  return overlap / (boxArea(a) + boxArea(b) - overlap);
}
