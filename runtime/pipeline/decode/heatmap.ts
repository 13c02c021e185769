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
  const grid: Grid = { heat, edges, width, height, stride: decoder.stride };
  const found: Candidate[] = [];
  // No closure in this loop: it would cost an allocation for each of a map's 40,000 cells.
  for (let i = 0; i < heat.length; i++) {
    if ((heat[i] as number) >= minScore && isPeak(grid, i)) found.push(candidateAt(grid, i));
  }
  return suppress(found, decoder.nms_iou);
}

interface Grid {
  heat: Float32Array;
  edges: Float32Array;
  width: number;
  height: number;
  stride: number;
}

function candidateAt({ edges, heat, height, stride, width }: Grid, i: number): Candidate {
  const plane = width * height;
  const cell = i % plane;
  const edge = (n: number) => (edges[n * plane + cell] as number) * stride;
  const cx = ((cell % width) + 0.5) * stride;
  const cy = (Math.floor(cell / width) + 0.5) * stride;
  return {
    classId: Math.floor(i / plane),
    score: heat[i] as number,
    box: [cx - edge(0), cy - edge(1), cx + edge(2), cy + edge(3)],
  };
}

/** No neighbour of the 3×3 window is higher; of equal neighbours the first one is the peak. */
function isPeak({ heat, height, width }: Grid, i: number): boolean {
  const score = heat[i] as number;
  const cell = i % (width * height);
  const x = cell % width;
  const y = Math.floor(cell / width);
  for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
    for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
      const n = i + (ny - y) * width + (nx - x);
      const neighbour = heat[n] as number;
      if (neighbour > score || (neighbour === score && n < i)) return false;
    }
  }
  return true;
}
