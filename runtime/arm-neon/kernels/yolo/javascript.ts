import type { Candidates, TensorValues, YoloOptions } from "../../kernels.ts";
import { suppressed } from "../nms/javascript.ts";
import { bestIndices, realsOf } from "../scores/javascript.ts";

const f32 = Math.fround;

/** Value `k` of box `n` stands at `n * perBox + k * perValue`: row-major [N,K], or transposed [K,N]. */
interface Table {
  data: Float32Array;
  perBox: number;
  perValue: number;
}

/** The best class of each box, and its score. */
function tops({ data, perBox, perValue }: Table, { boxes, classes }: YoloOptions, firstClass: number) {
  const scores = new Float32Array(boxes);
  const classIds = new Uint32Array(boxes);
  for (let n = 0; n < boxes; n++) {
    let [best, classId] = [-Infinity, 0];
    for (let c = 0; c < classes; c++) {
      const score = data[n * perBox + (firstClass + c) * perValue] as number;
      if (score > best) [best, classId] = [score, c];
    }
    scores[n] = best;
    classIds[n] = classId;
  }
  return { scores, classIds };
}

function boxAt({ data, perBox, perValue }: Table, n: number): number[] {
  const at = (k: number) => data[n * perBox + k * perValue] as number;
  const [cx, cy, halfWidth, halfHeight] = [at(0), at(1), f32(at(2) / 2), f32(at(3) / 2)];
  return [cx - halfWidth, cy - halfHeight, cx + halfWidth, cy + halfHeight];
}

export function yolo(output: TensorValues, options: YoloOptions): Candidates {
  const data = realsOf(output, options.quantization);
  const isRows = options.layout === "rows";
  const table = isRows
    ? { data, perBox: 5 + options.classes, perValue: 1 }
    : { data, perBox: 1, perValue: options.boxes };
  const { classIds, scores } = tops(table, options, isRows ? 5 : 4);
  if (isRows) {
    scores.forEach((score, n) => {
      const objectness = data[n * table.perBox + 4] as number;
      scores[n] = objectness >= options.scoreMin ? objectness * score : Number.NaN;
    });
  }
  const best = bestIndices(scores, options.scoreMin, options.limit);
  const found = {
    classIds: Uint32Array.from(best, (n) => classIds[n] as number),
    scores: Float32Array.from(best, (n) => scores[n] as number),
    boxes: Float32Array.from(best.flatMap((n) => boxAt(table, n))),
  };
  return suppressed(found, options.nms);
}
