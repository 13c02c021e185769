import type { TensorValues } from "../quantization.ts";

export interface ArgmaxOptions {
  /** 1 to 256. */
  classes: number;
}

export interface ArgmaxKernel {
  /**
   * The class of each pixel of a segmentation model's `logits` [classes, height, width], into `classMap` [height,
   * width]: the one whose logit is the greatest, of equal ones the first. NaN counts as -Infinity. Integers need
   * no quantization, as all logits of a tensor share one. The two arrays must not overlap.
   */
  argmax(logits: TensorValues, options: ArgmaxOptions, classMap: Uint8Array): Promise<void>;
}
