import { SightlineError } from "../../base/errors.ts";
import type { Kernels } from "../../native/index.ts";
import { floats, type NamedTensors } from "../../tensor/tensor.ts";
import type { Size } from "../fit.ts";
import { type Candidate, toColumns } from "./candidate.ts";

/** [1,5+C,H,W]: objectness, offset x, y, size w, h, a probability a class, for each cell (dog-qiuqiu/FastestDet). */
export interface FastestDetDecoder {
  type: "fastestdet";
  output: string;
  nms_iou: number;
}

export async function decodeFastestDet(
  kernels: Kernels,
  decoder: FastestDetDecoder,
  outputs: NamedTensors,
  minScore: number,
  input: Size,
): Promise<Candidate[]> {
  const data = floats(outputs[decoder.output], decoder.output);
  const [, values = 0, height = 0, width = 0] = outputs[decoder.output]?.dims ?? [];
  const plane = width * height;
  if (values < 6 || plane < 1 || data.length !== values * plane) {
    throw new SightlineError("ERR_MODEL_IO", `output "${decoder.output}" is not [1, 5 + classes, H, W]`);
  }
  const cells = await likelyCells(kernels, data.subarray(0, plane), minScore);
  const found = Array.from(cells, (cell) => candidateAt({ data, values, width, height }, cell, input)).filter(
    ({ score }) => score >= minScore,
  );
  const kept = await kernels.nms(toColumns(found), { iouMax: decoder.nms_iou });
  return Array.from(kept, (i) => found[i] as Candidate);
}

/** Objectness alone bounds the score from above, and is low almost everywhere. */
async function likelyCells(
  kernels: Kernels,
  objectness: Float32Array,
  minScore: number,
): Promise<Uint32Array> {
  // A little less, so that rounding leaves none out: each score is compared once more.
  const scoreMin = 0.999 * minScore ** (1 / 0.6);
  const { indices } = await kernels.scores(objectness, { scoreMin, limit: objectness.length });
  return indices.sort();
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
