import type { Candidates, NmsOptions } from "../candidates.ts";

export interface NmsKernel {
  /**
   * Greedy non-maximum suppression: the indices of the boxes that stay, best score first, equal scores in the
   * order of their indices. In float32, with intersection > iouMax · union for a division. Only the best 1,000
   * take part, and none whose score is NaN. A box with a NaN in it or without an end overlaps none.
   */
  nms(candidates: Candidates, options: NmsOptions): Promise<Uint32Array>;
}
