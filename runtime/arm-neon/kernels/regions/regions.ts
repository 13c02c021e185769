export interface RegionsOptions {
  /** Each 1 to 65,536. */
  width: number;
  height: number;
  /** Of a map: pixels at or above it are of class 1, compared exactly. Of a mask: left out. */
  threshold?: number | undefined;
  /** 8 when pixels that touch at a corner are connected. */
  connectivity: 4 | 8;
  /** 1 to 2^20: so many of the largest. */
  limit: number;
}

/** Largest first; equal ones in the order of their first pixels. */
export interface Regions {
  classIds: Uint8Array;
  /** Pixels. */
  areas: Uint32Array;
  /** Left, top, right, bottom of each in pixels; right and bottom are one beyond the last. */
  boxes: Uint32Array;
  /** The highest value of each; of a mask its class. */
  peaks: Float32Array;
  /** x, y of each: the mean of its pixels' centres, of which the picture's first stands at 0.5, 0.5. */
  centroids: Float64Array;
}

export interface RegionsKernel {
  /**
   * The connected regions of an anomaly map (float32) above a threshold, or those of each class of a mask
   * (Uint8Array), both [height, width]. Class 0 is background; NaN is none above the threshold.
   */
  regions(image: Float32Array | Uint8Array, options: RegionsOptions): Promise<Regions>;
}
