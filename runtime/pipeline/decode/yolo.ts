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

/** Where box `n`'s value `k` stands: row-major [N,K], or transposed [K,N]. */
type Layout = (n: number, k: number) => number;

export function decodeYolov5(decoder: Yolov5Decoder, outputs: NamedTensors, minScore: number): Candidate[] {
  const data = floats(outputs[decoder.output], decoder.output);
  const [boxes, values] = matrix(outputs, decoder.output, 6);
  const at: Layout = (n, k) => n * values + k;
  const found: Candidate[] = [];
  for (let n = 0; n < boxes; n++) {
    const objectness = data[at(n, 4)] as number;
    if (objectness < minScore) continue;
    const best = bestClass(data, n, 5, values, at);
    const score = objectness * best.score;
    if (score >= minScore) found.push({ classId: best.classId, score, box: centreBox(data, n, at) });
  }
  return suppress(found, decoder.nms_iou);
}

export function decodeYolov8(decoder: Yolov8Decoder, outputs: NamedTensors, minScore: number): Candidate[] {
  const data = floats(outputs[decoder.output], decoder.output);
  const [values, boxes] = matrix(outputs, decoder.output, 1);
  if (values < 5)
    throw new SightlineError("ERR_MODEL_IO", `"${decoder.output}" has ${values} rows, wanted 4 + classes`);
  const at: Layout = (n, k) => k * boxes + n;
  const found: Candidate[] = [];
  for (let n = 0; n < boxes; n++) {
    const { classId, score } = bestClass(data, n, 4, values, at);
    if (score >= minScore) found.push({ classId, score, box: centreBox(data, n, at) });
  }
  return suppress(found, decoder.nms_iou);
}

/** The two inner dimensions of a [1,A,B] output; B must be at least `columnsMin`. */
function matrix(outputs: NamedTensors, name: string, columnsMin: number): [number, number] {
  const dims = outputs[name]?.dims ?? [];
  const [one = 0, rows = 0, columns = 0] = dims;
  if (dims.length === 3 && one === 1 && columns >= columnsMin) return [rows, columns];
  throw new SightlineError("ERR_MODEL_IO", `output "${name}" is [${dims}], wanted [1, A, B] for one image`);
}

function bestClass(data: Float32Array, n: number, first: number, values: number, at: Layout) {
  let classId = 0;
  let score = -1;
  for (let k = first; k < values; k++) {
    const s = data[at(n, k)] as number;
    if (s > score) {
      score = s;
      classId = k - first;
    }
  }
  return { classId, score };
}

function centreBox(data: Float32Array, n: number, at: Layout): Candidate["box"] {
  const [cx, cy, w, h] = [0, 1, 2, 3].map((k) => data[at(n, k)] as number) as [
    number,
    number,
    number,
    number,
  ];
  return [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2];
}
