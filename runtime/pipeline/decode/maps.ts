import { SightlineError } from "../../base/errors.ts";
import type { ArgmaxKernel, RegionsKernel } from "../../native/index.ts";
import { floats, type NamedTensors } from "../../tensor/tensor.ts";
import type { Size } from "../fit.ts";
import type { Candidate } from "./candidate.ts";
import { type CellMap, REGIONS_MAX, regionsOf } from "./regions.ts";

/** As many as fit a class map's bytes. */
const CLASSES_MAX = 256;

/** [1,C,H,W]: scores of each class for each cell; touching cells of one class are a detection. */
export interface SegmentationDecoder {
  type: "segmentation";
  output: string;
  /** The class that is nothing. */
  background: number;
  activation: "none" | "softmax";
}

/** [1,1,H,W] or [1,H,W]: how unusual each cell is (as anomalib exports it); cells from `threshold` on are a detection. */
export interface AnomalyDecoder {
  type: "anomaly";
  output: string;
  threshold: number;
  /** The value that has the score 1. */
  max: number;
}

export async function decodeSegmentation(
  kernels: ArgmaxKernel,
  { activation, background, output }: SegmentationDecoder,
  outputs: NamedTensors,
  minScore: number,
  input: Size,
): Promise<Candidate[]> {
  const { channels, data, height, width } = planes(outputs, output);
  if (channels > CLASSES_MAX)
    throw new SightlineError(
      "ERR_MODEL_IO",
      `output "${output}" has ${channels} classes; at most ${CLASSES_MAX} are supported`,
    );
  const classMap = new Uint8Array(width * height);
  await kernels.argmax(data, { classes: channels }, classMap);
  const map = emptyMap({ width, height });
  const scoreOf = activation === "softmax" ? probability : logit;
  // Only what is something is looked at again; the most of a picture is background.
  for (let cell = 0; cell < classMap.length; cell++) {
    const best = classMap[cell] as number;
    if (best === background) continue;
    map.classes[cell] = best;
    map.scores[cell] = scoreOf({ data, channels, plane: classMap.length }, cell, best);
  }
  return regionsOf(map, input, minScore);
}

export async function decodeAnomaly(
  kernels: RegionsKernel,
  { max, output, threshold }: AnomalyDecoder,
  outputs: NamedTensors,
  minScore: number,
  input: Size,
): Promise<Candidate[]> {
  const { channels, data, height, width } = planes(outputs, output);
  if (channels !== 1)
    throw new SightlineError("ERR_MODEL_IO", `output "${output}" has ${channels} maps, expected 1`);
  const options = { width, height, threshold, connectivity: 8, limit: REGIONS_MAX } as const;
  const { areas, boxes, peaks } = await kernels.regions(data, options);
  const [sx, sy] = [input.width / width, input.height / height];
  const at = (k: number): number => boxes[k] ?? Number.NaN;
  return Array.from(peaks, (peak, i) => ({
    classId: 0,
    score: Math.min(1, Math.max(0, peak / max)),
    box: [at(i * 4) * sx, at(i * 4 + 1) * sy, at(i * 4 + 2) * sx, at(i * 4 + 3) * sy] as const,
    areaPx: (areas[i] ?? 0) * sx * sy,
  }))
    .filter(({ score }) => score >= minScore)
    .sort((a, b) => b.score - a.score);
}

function planes(outputs: NamedTensors, name: string) {
  const data = floats(outputs[name], name);
  const dims = outputs[name]?.dims ?? [];
  const [one = 0, channels = 0, height = 0, width = 0] =
    dims.length === 3 ? [dims[0], 1, dims[1], dims[2]] : dims;
  if (one === 1 && dims.length >= 3 && dims.length <= 4) return { data, channels, height, width };
  throw new SightlineError(
    "ERR_MODEL_IO",
    `output "${name}" is [${dims}], expected [1, C, H, W] for one image`,
  );
}

const emptyMap = ({ height, width }: Size): CellMap => ({
  width,
  height,
  classes: new Int16Array(width * height).fill(-1),
  scores: new Float32Array(width * height),
});

interface Scores {
  data: Float32Array;
  channels: number;
  /** Cells of a channel. */
  plane: number;
}

const logit = ({ data, plane }: Scores, cell: number, of: number): number =>
  data[of * plane + cell] as number;

function probability({ channels, data, plane }: Scores, cell: number, of: number): number {
  const best = data[of * plane + cell] as number;
  let sum = 0;
  for (let c = 0; c < channels; c++) sum += Math.exp((data[c * plane + cell] as number) - best);
  return 1 / sum;
}
