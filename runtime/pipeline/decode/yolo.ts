import { SightlineError } from "../../base/errors.ts";
import type { Kernels } from "../../native/index.ts";
import { floats, type NamedTensors } from "../../tensor/tensor.ts";
import { CANDIDATES_MAX, type Candidate, fromColumns } from "./candidate.ts";

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

export async function decodeYolo(
  kernels: Kernels,
  decoder: Yolov5Decoder | Yolov8Decoder,
  outputs: NamedTensors,
  minScore: number,
): Promise<Candidate[]> {
  const { columns, data, rows } = matrix(outputs, decoder.output);
  const isRows = decoder.type === "yolov5";
  const [boxes, values, firstClass] = isRows ? [rows, columns, 5] : [columns, rows, 4];
  requireClasses(decoder.output, values, firstClass + 1);
  const found = await kernels.yolo(data, {
    layout: isRows ? "rows" : "columns",
    boxes,
    classes: values - firstClass,
    scoreMin: minScore,
    limit: CANDIDATES_MAX,
    nms: { iouMax: decoder.nms_iou },
  });
  return fromColumns(found);
}

/** A [1,A,B] output as A rows of B columns. */
function matrix(outputs: NamedTensors, name: string) {
  const data = floats(outputs[name], name);
  const dims = outputs[name]?.dims ?? [];
  const [one = 0, rows = 0, columns = 0] = dims;
  if (dims.length === 3 && one === 1) return { data, rows, columns };
  throw new SightlineError("ERR_MODEL_IO", `output "${name}" is [${dims}], expected [1, A, B] for one image`);
}

function requireClasses(name: string, values: number, least: number): void {
  if (values >= least) return;
  throw new SightlineError(
    "ERR_MODEL_IO",
    `output "${name}" has ${values} values per box, expected at least ${least}`,
  );
}
