/** Memory layout of 8-bit pixels, by GStreamer's names in lower case. */
export type PixelFormat = "gray8" | "rgb24" | "bgr24" | "nv12" | "i420" | "yuyv";

/** Where a plane's first row begins and how far it is from one row to the next, in bytes. */
export interface PlaneLayout {
  offset: number;
  stride: number;
}

/** In whole pixels. */
export interface Rect {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface PreprocessOptions {
  source: {
    format: PixelFormat;
    /** 1 to 65,536. */
    width: number;
    height: number;
    /** One for gray8, rgb24, bgr24 and yuyv; Y and CbCr for nv12; Y, Cb and Cr for i420. */
    planes: readonly PlaneLayout[];
    /** Of nv12, i420 and yuyv: the luma coefficients, and whether black is 16 (limited) or 0 (full). */
    matrix?: "bt601" | "bt709" | undefined;
    range?: "limited" | "full" | undefined;
  };
  /** The part of the source that is used. */
  crop: Rect;
  target: {
    layout: "NCHW" | "NHWC";
    color: "gray" | "rgb" | "bgr";
    width: number;
    height: number;
    /** Where the crop lies in the target; the rest is filled with `pad`, a grey level of 0 to 255. */
    place: Rect;
    pad: number;
    /**
     * value = pixel · scale + offset, a factor a channel in the target's order, with pixels from 0 to 255. For
     * uint8 and int8 tensors the value is rounded to the nearest whole number, halves to even, and cut.
     */
    scale: readonly [number, number, number];
    offset: readonly [number, number, number];
  };
}

export interface PreprocessKernel {
  /**
   * One pass from a camera's pixels to a model's tensor: crop, resize (by area where an axis shrinks, bilinear
   * where it grows), colour, scale, layout and type. Writes one image into `tensor` from element `start` on, so
   * that a batch is filled image by image. Within 0.1 grey levels of the same in exact arithmetic for pictures
   * that shrink up to 32 times an axis.
   */
  preprocess(
    pixels: Uint8Array,
    options: PreprocessOptions,
    tensor: Float32Array | Uint8Array | Int8Array,
    start: number,
  ): Promise<void>;
}
