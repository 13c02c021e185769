import { SightlineError } from "../../base/errors.ts";
import type { Kernels } from "../../native/index.ts";
import { floats, type NamedTensors } from "../../tensor/tensor.ts";
import { CANDIDATES_MAX, type Candidate, fromColumns } from "./candidate.ts";

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
export async function decodeHeatmap(
  kernels: Kernels,
  decoder: HeatmapDecoder,
  outputs: NamedTensors,
  minScore: number,
): Promise<Candidate[]> {
  const heat = floats(outputs[decoder.heatmap], decoder.heatmap);
  const edges = floats(outputs[decoder.boxes], decoder.boxes);
  const [, classes = 0, height = 0, width = 0] = outputs[decoder.heatmap]?.dims ?? [];
  const plane = width * height;
  if (heat.length === 0 || edges.length !== 4 * plane || heat.length !== classes * plane) {
    throw new SightlineError("ERR_MODEL_IO", `heatmap ${heat.length} and boxes ${edges.length} do not match`);
  }
  const found = await kernels.peaks(heat, edges, {
    classes,
    width,
    height,
    stride: decoder.stride,
    scoreMin: minScore,
    limit: CANDIDATES_MAX,
    nms: { iouMax: decoder.nms_iou },
  });
  return fromColumns(found);
}
