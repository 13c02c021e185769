import { SightlineError } from "../../base/errors.ts";
import { floats, type NamedTensors } from "../../tensor/tensor.ts";
import { type Candidate, suppress } from "./candidate.ts";

/** [1,N,5+C]: centre x, centre y, width, height, objectness, a score a class (YOLOv5, YOLOv7). */
export interface Yolov5Decoder {
  type: "yolov5";
  output: string;
  nms_iou: number;
}

/** [1,4+C,N], channel first, no objectness (YOLOv8, YOLO11). */
export interface Yolov8Decoder {
  type: "yolov8";
  output: string;
  nms_iou: number;
}

/** Value `k` of box `n` stands at `n * perBox + k * perValue`: row-major [N,K], or transposed [K,N]. */
interface Table {
  data: Float32Array;
  boxes: number;
  values: number;
  perBox: number;
  perValue: number;
}

export function decodeYolov5(decoder: Yolov5Decoder, outputs: NamedTensors, minScore: number): Candidate[] {
  const { columns, data, rows } = matrix(outputs, decoder.output);
  requireClasses(decoder.output, columns, 6);
  const table = { data, boxes: rows, values: columns, perBox: columns, perValue: 1 };
  const found: Candidate[] = [];
  for (let n = 0; n < rows; n++) {
    const objectness = data[n * columns + 4] as number;
    if (objectness < minScore) continue;
    const candidate = candidateAt(table, n, 5);
    const score = objectness * candidate.score;
    if (score >= minScore) found.push({ ...candidate, score });
  }
  return suppress(found, decoder.nms_iou);
}

export function decodeYolov8(decoder: Yolov8Decoder, outputs: NamedTensors, minScore: number): Candidate[] {
  const { columns, data, rows } = matrix(outputs, decoder.output);
  requireClasses(decoder.output, rows, 5);
  const table = { data, boxes: columns, values: rows, perBox: 1, perValue: columns };
  const found: Candidate[] = [];
  for (let n = 0; n < columns; n++) {
    if (bestScore(table, n, 4) >= minScore) found.push(candidateAt(table, n, 4));
  }
  return suppress(found, decoder.nms_iou);
}

/** A [1,A,B] output as A rows of B columns. */
function matrix(outputs: NamedTensors, name: string) {
  const data = floats(outputs[name], name);
  const dims = outputs[name]?.dims ?? [];
  const [one = 0, rows = 0, columns = 0] = dims;
  if (dims.length === 3 && one === 1) return { data, rows, columns };
  throw new SightlineError("ERR_MODEL_IO", `output "${name}" is [${dims}], wanted [1, A, B] for one image`);
}

function requireClasses(name: string, values: number, least: number): void {
  if (values >= least) return;
  throw new SightlineError(
    "ERR_MODEL_IO",
    `output "${name}" has ${values} values a box, wanted ${least} or more`,
  );
}

function bestScore({ data, perBox, perValue, values }: Table, n: number, firstClass: number): number {
  let best = -1;
  for (let k = firstClass; k < values; k++) {
    const score = data[n * perBox + k * perValue] as number;
    if (score > best) best = score;
  }
  return best;
}

function candidateAt(table: Table, n: number, firstClass: number): Candidate {
  const { data, perBox, perValue, values } = table;
  const at = (k: number) => data[n * perBox + k * perValue] as number;
  const score = bestScore(table, n, firstClass);
  let classId = 0;
  while (firstClass + classId < values - 1 && at(firstClass + classId) !== score) classId++;
  const [cx, cy, halfWidth, halfHeight] = [at(0), at(1), at(2) / 2, at(3) / 2];
  return { classId, score, box: [cx - halfWidth, cy - halfHeight, cx + halfWidth, cy + halfHeight] };
}
