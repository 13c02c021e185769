import type { Candidates, NmsOptions } from "../../kernels.ts";
import { bestIndices } from "../scores/javascript.ts";

export const CANDIDATES_MAX = 1_000;

const f32 = Math.fround;
const side = (from: number, to: number): number => Math.max(0, f32(to - from));

function area({ boxes }: Candidates, i: number): number {
  const [x1, y1, x2, y2] = boxes.subarray(i * 4, i * 4 + 4) as unknown as [number, number, number, number];
  return f32(side(x1, x2) * side(y1, y2));
}

/** Each step rounded to float32. */
function overlaps({ boxes }: Candidates, a: number, b: number, areas: number, iouMax: number): boolean {
  const at = (box: number, n: number) => boxes[box * 4 + n] as number;
  const width = side(Math.max(at(a, 0), at(b, 0)), Math.min(at(a, 2), at(b, 2)));
  const height = side(Math.max(at(a, 1), at(b, 1)), Math.min(at(a, 3), at(b, 3)));
  const overlap = f32(width * height);
  return overlap > f32(f32(iouMax) * f32(areas - overlap));
}

/** The indices of the boxes that stay, best first. */
export function nms(candidates: Candidates, { acrossClasses, iouMax }: NmsOptions): Uint32Array {
  const { classIds, scores } = candidates;
  const kept: { index: number; area: number }[] = [];
  for (const index of bestIndices(scores, -Infinity, CANDIDATES_MAX)) {
    const own = area(candidates, index);
    const isDouble = kept.some(
      (k) =>
        (acrossClasses || classIds[k.index] === classIds[index]) &&
        overlaps(candidates, k.index, index, f32(k.area + own), iouMax),
    );
    if (!isDouble) kept.push({ index, area: own });
  }
  return Uint32Array.from(kept, (k) => k.index);
}

/** Candidates that are in order already, without those that go. */
export function suppressed(candidates: Candidates, options: NmsOptions | undefined): Candidates {
  if (!options) return candidates;
  const kept = [...nms(candidates, options)];
  return {
    classIds: Uint32Array.from(kept, (i) => candidates.classIds[i] as number),
    scores: Float32Array.from(kept, (i) => candidates.scores[i] as number),
    boxes: Float32Array.from(kept.flatMap((i) => [...candidates.boxes.subarray(i * 4, i * 4 + 4)])),
  };
}
