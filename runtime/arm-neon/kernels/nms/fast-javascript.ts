import type { Candidates, NmsOptions } from "../../kernels.ts";
import { bestFirst } from "../scores/fast-javascript.ts";

const CANDIDATES_MAX = 1_000;
/** Left, top, right, bottom, area and class of what was kept. */
const FIELDS = 6;

/** What was kept lies side by side, so that a box meets all of it in one pass. */
export function nms({ boxes, classIds, scores }: Candidates, options: NmsOptions): Uint32Array {
  const { acrossClasses = false, iouMax } = options;
  const order = bestFirst(Uint32Array.from(scores.keys()), scores).subarray(0, CANDIDATES_MAX);
  const indices = new Uint32Array(order.length);
  const kept = new Float64Array(order.length * FIELDS);
  let count = 0;
  for (const index of order) {
    const at = index * 4;
    const [left, top] = [boxes[at] as number, boxes[at + 1] as number];
    const [right, bottom] = [boxes[at + 2] as number, boxes[at + 3] as number];
    const classId = acrossClasses ? 0 : (classIds[index] as number);
    const area = (right - left) * (bottom - top);
    if (isCovered(kept, count, left, top, right, bottom, area, classId, iouMax)) continue;
    indices[count] = index;
    const to = count++ * FIELDS;
    kept[to] = left;
    kept[to + 1] = top;
    kept[to + 2] = right;
    kept[to + 3] = bottom;
    kept[to + 4] = area;
    kept[to + 5] = classId;
  }
  return indices.subarray(0, count);
}

function isCovered(
  kept: Float64Array,
  count: number,
  left: number,
  top: number,
  right: number,
  bottom: number,
  area: number,
  classId: number,
  iouMax: number,
): boolean {
  for (let k = 0; k < count * FIELDS; k += FIELDS) {
    const width = Math.min(right, kept[k + 2] as number) - Math.max(left, kept[k] as number);
    if (width <= 0) continue;
    const height = Math.min(bottom, kept[k + 3] as number) - Math.max(top, kept[k + 1] as number);
    if (height <= 0 || kept[k + 5] !== classId) continue;
    const overlap = width * height;
    if (overlap > iouMax * (area + (kept[k + 4] as number) - overlap)) return true;
  }
  return false;
}
