import type { Candidates, CandidatesOptions } from "../candidates.ts";
import type { Quantization, TensorValues } from "../quantization.ts";

/** `quantization` is the heatmap's. */
export interface PeaksOptions extends CandidatesOptions {
  /** Each 1 to 65,536. */
  classes: number;
  width: number;
  height: number;
  /** Input pixels a cell. */
  stride: number;
  edgesQuantization?: Quantization | undefined;
}

export interface PeaksKernel {
  /**
   * Anchor-free centre heatmaps (CenterNet, arXiv:1904.07850): a box stands at each cell of `heat` [classes,
   * height, width] that is `scoreMin` or more and that no neighbour of its 3 × 3 window exceeds; of equal
   * neighbours the first one counts. `edges` [4, height, width] are the distances from the cell's centre to left,
   * top, right and bottom in cells. In float32: each step of the arithmetic rounds. NaN is no peak.
   */
  peaks(heat: TensorValues, edges: TensorValues, options: PeaksOptions): Promise<Candidates>;
}
