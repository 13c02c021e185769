import { SightlineError } from "../../base/errors.ts";
import { floats, type NamedTensors } from "../../tensor/tensor.ts";
import { type Candidate, suppress } from "./candidate.ts";

export interface HeatmapDecoder {
  type: "heatmap";
  /** Names of the outputs: class probabilities [1,C,H,W], and left, top, right, bottom in cells [1,4,H,W]. */
  heatmap: string;
  boxes: string;
  /** Input pixels a cell. */
  stride: number;
  nms_iou: number;
}

/** Anchor-free centre heatmaps (CenterNet, arXiv:1904.07850): a detection stands at each local peak. */
export function decodeHeatmap(decoder: HeatmapDecoder, outputs: NamedTensors, minScore: number): Candidate[] {
  const heat = floats(outputs[decoder.heatmap], decoder.heatmap);
  const edges = floats(outputs[decoder.boxes], decoder.boxes);
  const [, classes = 0, height = 0, width = 0] = outputs[decoder.heatmap]?.dims ?? [];
  const plane = width * height;
  if (edges.length !== 4 * plane || heat.length !== classes * plane) {
    throw new SightlineError("ERR_MODEL_IO", `heatmap ${heat.length} and boxes ${edges.length} do not match`);
  }
  const found: Candidate[] = [];
  for (let i = 0; i < heat.length; i++) {
    const score = heat[i] as number;
    if (score < minScore) continue;
    const classId = Math.floor(i / plane);
    const cell = i - classId * plane;
    const y = Math.floor(cell / width);
    const x = cell - y * width;
    if (!isPeak(heat, classId * plane, x, y, width, height, score)) continue;
    const edge = (n: number) => (edges[n * plane + cell] as number) * decoder.stride;
    const cx = (x + 0.5) * decoder.stride;
    const cy = (y + 0.5) * decoder.stride;
    found.push({ classId, score, box: [cx - edge(0), cy - edge(1), cx + edge(2), cy + edge(3)] });
  }
  return suppress(found, decoder.nms_iou);
}

/** No neighbour of the 3×3 window is higher; of equal neighbours the first one is the peak. */
function isPeak(
  heat: Float32Array,
  start: number,
  x: number,
  y: number,
  width: number,
  height: number,
  score: number,
): boolean {
  for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
    for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
      const neighbour = heat[start + ny * width + nx] as number;
      const isBefore = ny < y || (ny === y && nx < x);
      if (neighbour > score || (neighbour === score && isBefore)) return false;
    }
  }
  return true;
}
