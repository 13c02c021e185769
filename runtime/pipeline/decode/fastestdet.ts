import { SightlineError } from "../../base/errors.ts";
import { floats, type NamedTensors } from "../../tensor/tensor.ts";
import type { Size } from "../fit.ts";
import { type Candidate, suppress } from "./candidate.ts";

/** [1,5+C,H,W]: objectness, offset x, y, size w, h, a probability a class, for each cell (dog-qiuqiu/FastestDet). */
export interface FastestDetDecoder {
  type: "fastestdet";
  output: string;
  nms_iou: number;
}

export function decodeFastestDet(
  decoder: FastestDetDecoder,
  outputs: NamedTensors,
  minScore: number,
  input: Size,
): Candidate[] {
  const data = floats(outputs[decoder.output], decoder.output);
  const [, values = 0, height = 0, width = 0] = outputs[decoder.output]?.dims ?? [];
  const plane = width * height;
  if (values < 6 || data.length !== values * plane) {
    throw new SightlineError("ERR_MODEL_IO", `output "${decoder.output}" is not [1, 5 + classes, H, W]`);
  }
  const found: Candidate[] = [];
  for (let cell = 0; cell < plane; cell++) {
    // Objectness alone bounds the score from above, and is low almost everywhere.
    if ((data[cell] as number) ** 0.6 < minScore) continue;
    const candidate = candidateAt({ data, values, width, height }, cell, input);
    if (candidate.score >= minScore) found.push(candidate);
  }
  return suppress(found, decoder.nms_iou);
}

interface Grid {
  data: Float32Array;
  values: number;
  width: number;
  height: number;
}

function candidateAt({ data, height, values, width }: Grid, cell: number, input: Size): Candidate {
  const at = (k: number) => data[k * width * height + cell] as number;
  let classId = 0;
  for (let c = 1; c < values - 5; c++) if (at(5 + c) > at(5 + classId)) classId = c;
  const cx = ((Math.tanh(at(1)) + (cell % width)) / width) * input.width;
  const cy = ((Math.tanh(at(2)) + Math.floor(cell / width)) / height) * input.height;
  const w = (sigmoid(at(3)) * input.width) / 2;
  const h = (sigmoid(at(4)) * input.height) / 2;
  return { classId, score: at(0) ** 0.6 * at(5 + classId) ** 0.4, box: [cx - w, cy - h, cx + w, cy + h] };
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
