import { SightlineError } from "../../base/errors.ts";
import type { Kernels } from "../../native/index.ts";
import { floats, type NamedTensors } from "../../tensor/tensor.ts";
import type { Keypoint } from "../detection.ts";
import type { Size } from "../fit.ts";
import { type Candidate, toColumns } from "./candidate.ts";

/** [1,4+C+M,N] as YOLOv8, with M mask weights a box, and [1,M,H,W] mask prototypes (YOLOv8-seg, YOLO11-seg). */
export interface Yolov8SegDecoder {
  type: "yolov8-seg";
  output: string;
  masks: string;
  nms_iou: number;
}

/** [1,4+C+3K,N] as YOLOv8, with x, y and score of K keypoints a box (YOLOv8-pose, YOLO11-pose). */
export interface Yolov8PoseDecoder {
  type: "yolov8-pose";
  output: string;
  keypoints: number;
  nms_iou: number;
}

/** A candidate that knows its column, where the rest of its values stands. */
interface Column extends Candidate {
  n: number;
}

/** Value `k` of box `n` stands at `k * boxes + n`. */
interface Head {
  data: Float32Array;
  values: number;
  boxes: number;
}

export async function decodeYolov8Seg(
  kernels: Pick<Kernels, "nms">,
  { masks, nms_iou, output }: Yolov8SegDecoder,
  outputs: NamedTensors,
  minScore: number,
  input: Size,
): Promise<Candidate[]> {
  const protos = floats(outputs[masks], masks);
  const [, weights = 0, height = 0, width = 0] = outputs[masks]?.dims ?? [];
  const head = headOf(outputs, output);
  const classes = classesIn(head, weights, output);
  const found = await suppress(kernels, candidatesIn(head, classes, minScore), nms_iou);
  return found.map(({ n, ...candidate }) => {
    const weight = (m: number) => head.data[(4 + classes + m) * head.boxes + n] as number;
    const cells = markedCells({ protos, weights, width, height }, weight, candidate, input);
    return { ...candidate, areaPx: (cells * input.width * input.height) / (width * height) };
  });
}

export async function decodeYolov8Pose(
  kernels: Pick<Kernels, "nms">,
  { keypoints, nms_iou, output }: Yolov8PoseDecoder,
  outputs: NamedTensors,
  minScore: number,
): Promise<Candidate[]> {
  const head = headOf(outputs, output);
  const classes = classesIn(head, keypoints * 3, output);
  const found = await suppress(kernels, candidatesIn(head, classes, minScore), nms_iou);
  return found.map(({ n, ...candidate }) => {
    const at = (k: number) => head.data[(4 + classes + k) * head.boxes + n] as number;
    const points = Array.from(
      { length: keypoints },
      (_, k): Keypoint => ({ at: [at(3 * k), at(3 * k + 1)], score: at(3 * k + 2) }),
    );
    return { ...candidate, keypoints: points };
  });
}

function headOf(outputs: NamedTensors, name: string): Head {
  const data = floats(outputs[name], name);
  const dims = outputs[name]?.dims ?? [];
  const [one = 0, values = 0, boxes = 0] = dims;
  if (dims.length === 3 && one === 1) return { data, values, boxes };
  throw new SightlineError("ERR_MODEL_IO", `output "${name}" is [${dims}], expected [1, A, B] for one image`);
}

function classesIn({ values }: Head, others: number, name: string): number {
  const classes = values - 4 - others;
  if (classes >= 1) return classes;
  throw new SightlineError(
    "ERR_MODEL_IO",
    `output "${name}" has ${values} values per box, expected at least ${5 + others}`,
  );
}

async function suppress(
  kernels: Pick<Kernels, "nms">,
  found: readonly Column[],
  iouMax: number,
): Promise<Column[]> {
  const indices = await kernels.nms(toColumns(found), { iouMax });
  return Array.from(indices, (i) => found[i] as Column);
}

function candidatesIn({ boxes, data }: Head, classes: number, minScore: number): Column[] {
  const found: Column[] = [];
  for (let n = 0; n < boxes; n++) {
    let best = 4;
    for (let k = 5; k < 4 + classes; k++) {
      if ((data[k * boxes + n] as number) > (data[best * boxes + n] as number)) best = k;
    }
    const score = data[best * boxes + n] as number;
    if (score < minScore) continue;
    const at = (k: number) => data[k * boxes + n] as number;
    const [cx, cy, w, h] = [at(0), at(1), at(2) / 2, at(3) / 2];
    found.push({ n, classId: best - 4, score, box: [cx - w, cy - h, cx + w, cy + h] });
  }
  return found;
}

interface Protos extends Size {
  protos: Float32Array;
  weights: number;
}

/** Cells whose centre lies in the box and whose weighted sum is above 0, where the sigmoid passes one half. */
function markedCells(
  { height, protos, weights, width }: Protos,
  weight: (m: number) => number,
  { box: [x1, y1, x2, y2] }: Candidate,
  input: Size,
): number {
  const [sx, sy] = [width / input.width, height / input.height];
  const own = Float32Array.from({ length: weights }, (_, m) => weight(m));
  let cells = 0;
  for (let y = Math.max(0, Math.ceil(y1 * sy - 0.5)); y < Math.min(height, y2 * sy - 0.5); y++) {
    for (let x = Math.max(0, Math.ceil(x1 * sx - 0.5)); x < Math.min(width, x2 * sx - 0.5); x++) {
      let sum = 0;
      for (let m = 0; m < weights; m++)
        sum += (own[m] as number) * (protos[(m * height + y) * width + x] as number);
      if (sum > 0) cells++;
    }
  }
  return cells;
}
