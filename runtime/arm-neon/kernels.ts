import type { ArgmaxKernel } from "./kernels/argmax/argmax.ts";
import type { ConvertKernel } from "./kernels/convert/convert.ts";
import type { DistancesKernel } from "./kernels/distances/distances.ts";
import type { NmsKernel } from "./kernels/nms/nms.ts";
import type { PeaksKernel } from "./kernels/peaks/peaks.ts";
import type { PreprocessKernel } from "./kernels/preprocess/preprocess.ts";
import type { RegionsKernel } from "./kernels/regions/regions.ts";
import type { ScoresKernel } from "./kernels/scores/scores.ts";
import type { YoloKernel } from "./kernels/yolo/yolo.ts";

export type * from "./kernels/argmax/argmax.ts";
export type * from "./kernels/candidates.ts";
export type * from "./kernels/convert/convert.ts";
export type * from "./kernels/distances/distances.ts";
export type * from "./kernels/nms/nms.ts";
export type * from "./kernels/peaks/peaks.ts";
export type * from "./kernels/preprocess/preprocess.ts";
export type * from "./kernels/quantization.ts";
export type * from "./kernels/regions/regions.ts";
export type * from "./kernels/scores/scores.ts";
export type * from "./kernels/yolo/yolo.ts";

/** An implementation of a kernel, and what a CPU must have to run it. */
export interface KernelVariant {
  variant: string;
  /** By their names in `cpuFeatures`. */
  needs: string[];
}

/**
 * The hot loops in C++, in the best variants for the CPU features that the object was made with. A call does its
 * work on one of libuv's threads, and its arrays must be neither touched, resized nor transferred until the promise
 * settles.
 *
 * Errors of all: ERR_ADDON_ARGUMENT, and nothing is written then.
 */
export interface Kernels
  extends PreprocessKernel,
    ScoresKernel,
    NmsKernel,
    YoloKernel,
    PeaksKernel,
    ArgmaxKernel,
    RegionsKernel,
    DistancesKernel,
    ConvertKernel {
  /** The variant in use for each kernel. */
  chosen(): Record<string, string>;
}
