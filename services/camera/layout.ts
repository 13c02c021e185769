import type { PixelFormat, PlaneLayout } from "../../runtime/native/index.ts";

/** Pixel formats by the names that a configuration uses. */
export const RAW_FORMATS = ["rgb", "bgr", "gray8", "nv12", "i420", "yuy2"] as const;
export type RawFormat = (typeof RAW_FORMATS)[number];

/** Where the pixels of one frame lie. */
export interface Layout {
  format: PixelFormat;
  width: number;
  height: number;
  planes: readonly PlaneLayout[];
  /** Of the whole frame. */
  bytes: number;
}

interface Shape {
  format: RawFormat;
  width: number;
  height: number;
}

const KERNEL_NAMES: Record<RawFormat, PixelFormat> = {
  rgb: "rgb24",
  bgr: "bgr24",
  gray8: "gray8",
  nv12: "nv12",
  i420: "i420",
  yuy2: "yuyv",
};

const upTo = (step: number, value: number): number => Math.ceil(value / step) * step;

/** Bytes of the first plane's rows without padding. */
function rowBytes({ format, width }: Shape): number {
  if (format === "rgb" || format === "bgr") return width * 3;
  return format === "yuy2" ? upTo(2, width) * 2 : width;
}

/**
 * As GStreamer lays frames out by itself: rows are padded to 4 bytes, and planes above a chroma plane to whole
 * pairs of rows (gst-libs/gst/video/video-info.c, fill_planes).
 */
export function gstLayout(shape: Shape): Layout {
  const stride = upTo(4, rowBytes(shape));
  const chromaStride = shape.format === "i420" ? upTo(4, upTo(2, shape.width) / 2) : stride;
  return place(shape, stride, chromaStride, upTo(2, shape.height));
}

/** Without padding, or with rows of `stride` bytes (half of it in the chroma planes of i420). */
export function packedLayout(shape: Shape, stride = rowBytes(shape)): Layout {
  const pairs = upTo(2, stride) / 2;
  return place(shape, stride, shape.format === "i420" ? pairs : pairs * 2, shape.height);
}

function place(shape: Shape, stride: number, chromaStride: number, lumaRows: number): Layout {
  const { format, height, width } = shape;
  const chromaPlanes = { nv12: 1, i420: 2 }[format as string] ?? 0;
  const planes = [{ offset: 0, stride }];
  let bytes = stride * (chromaPlanes > 0 ? lumaRows : height);
  for (let i = 0; i < chromaPlanes; i++) {
    planes.push({ offset: bytes, stride: chromaStride });
    bytes += chromaStride * Math.ceil(height / 2);
  }
  return { format: KERNEL_NAMES[format], width, height, planes, bytes };
}

/** Where a sample of brightness lies for each pixel: luma, or the green of RGB. */
export interface Luma {
  offset: number;
  /** From one pixel to the next. */
  step: number;
  stride: number;
  width: number;
  height: number;
}

export function lumaOf({ format, height, planes, width }: Layout): Luma {
  const stride = planes[0]?.stride ?? 0;
  const isRgb = format === "rgb24" || format === "bgr24";
  const step = isRgb ? 3 : format === "yuyv" ? 2 : 1;
  return { offset: isRgb ? 1 : 0, step, stride, width, height };
}
