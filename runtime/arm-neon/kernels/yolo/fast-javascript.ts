import type { Candidates, NmsOptions, TensorValues, YoloOptions } from "../../kernels.ts";
import { nms } from "../nms/fast-javascript.ts";
import { bestFirst, rawOf, realOf } from "../scores/fast-javascript.ts";

/** What a head says of each box: its best score, 0 where none passes, and whose it is. */
interface Tops {
  scores: Float32Array;
  classIds: Uint16Array;
}

export function yolo(output: TensorValues, options: YoloOptions): Candidates {
  const { boxes, classes, layout, limit, quantization } = options;
  const isRows = layout === "rows";
  const tops = { scores: new Float32Array(boxes), classIds: new Uint16Array(boxes) };
  if (isRows) topsOfRows(output, options, tops);
  else topsOfColumns(output, options, tops);
  const found: number[] = [];
  for (let n = 0; n < boxes; n++) if ((tops.scores[n] as number) >= options.scoreMin) found.push(n);
  const best = bestFirst(Uint32Array.from(found), tops.scores).subarray(0, limit);
  const [perBox, perValue] = isRows ? [5 + classes, 1] : [1, boxes];
  const at = (n: number, k: number) =>
    realOf(output[(best[n] as number) * perBox + k * perValue] as number, quantization);
  return candidatesOf(
    best.length,
    (n) => tops.classIds[best[n] as number] as number,
    (n) => tops.scores[best[n] as number] as number,
    (n, made) => putBox(at(n, 0), at(n, 1), at(n, 2) / 2, at(n, 3) / 2, made, n * 4),
    options.nms,
  );
}

/** Class by class, as they lie in memory, and in the tensor's own numbers. */
function topsOfColumns(output: TensorValues, options: YoloOptions, { classIds, scores }: Tops): void {
  const { boxes, classes, quantization, scoreMin } = options;
  const least = rawOf(scoreMin, quantization);
  // A hair below, so that what is at the threshold passes.
  scores.fill(least - Math.abs(least) * 1e-6);
  const none = scores[0] as number;
  for (let c = 0; c < classes; c++) {
    const plane = (4 + c) * boxes;
    for (let n = 0; n < boxes; n++) {
      const score = output[plane + n] as number;
      if (score > (scores[n] as number)) {
        scores[n] = score;
        classIds[n] = c;
      }
    }
  }
  for (let n = 0; n < boxes; n++) {
    const score = scores[n] as number;
    scores[n] = score === none ? -Infinity : realOf(score, quantization);
  }
}

/** Classes of boxes that hold something at all. */
function topsOfRows(output: TensorValues, options: YoloOptions, { classIds, scores }: Tops): void {
  const { boxes, classes, quantization, scoreMin } = options;
  const least = rawOf(scoreMin, quantization);
  for (let n = 0; n < boxes; n++) {
    const at = n * (5 + classes);
    const objectness = output[at + 4] as number;
    scores[n] = -Infinity;
    if (!(objectness >= least)) continue;
    let [best, classId] = [-Infinity, 0];
    for (let c = 0; c < classes; c++) {
      const score = output[at + 5 + c] as number;
      if (score > best) {
        best = score;
        classId = c;
      }
    }
    scores[n] = realOf(objectness, quantization) * realOf(best, quantization);
    classIds[n] = classId;
  }
}

function putBox(
  cx: number,
  cy: number,
  halfWidth: number,
  halfHeight: number,
  boxes: Float32Array,
  at: number,
) {
  boxes[at] = cx - halfWidth;
  boxes[at + 1] = cy - halfHeight;
  boxes[at + 2] = cx + halfWidth;
  boxes[at + 3] = cy + halfHeight;
}

/** `count` candidates in order, without those that go; each function is asked once for each of them. */
export function candidatesOf(
  count: number,
  classOf: (n: number) => number,
  scoreOf: (n: number) => number,
  putBoxOf: (n: number, boxes: Float32Array) => void,
  suppression: NmsOptions | undefined,
): Candidates {
  const classIds = new Uint32Array(count);
  const scores = new Float32Array(count);
  const boxes = new Float32Array(count * 4);
  for (let n = 0; n < count; n++) {
    classIds[n] = classOf(n);
    scores[n] = scoreOf(n);
    putBoxOf(n, boxes);
  }
  const all = { classIds, scores, boxes };
  return suppression ? picked(all, nms(all, suppression)) : all;
}

/** Those at `kept`, which rise, moved to the front. */
function picked({ boxes, classIds, scores }: Candidates, kept: Uint32Array): Candidates {
  for (let i = 0; i < kept.length; i++) {
    const from = kept[i] as number;
    classIds[i] = classIds[from] as number;
    scores[i] = scores[from] as number;
    boxes.copyWithin(i * 4, from * 4, from * 4 + 4);
  }
  const count = kept.length;
  return {
    classIds: classIds.subarray(0, count),
    scores: scores.subarray(0, count),
    boxes: boxes.subarray(0, count * 4),
  };
}
