import type { PixelFormat, PlaneLayout, PreprocessOptions } from "../../runtime/native/index.ts";

export const PIXEL_FORMATS: readonly PixelFormat[] = ["gray8", "rgb24", "bgr24", "nv12", "i420", "yuyv"];

export interface ImageLayout {
  source: PreprocessOptions["source"];
  /** Of the whole image; the last row of the last plane has no padding behind it. */
  bytes: number;
}

/** How an image lies in memory with `padding` bytes behind each row. */
export function layOut(format: PixelFormat, width: number, height: number, padding = 0): ImageLayout {
  const [pairs, halfRows] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  const rows: Record<PixelFormat, number[]> = {
    gray8: [width],
    rgb24: [width * 3],
    bgr24: [width * 3],
    yuyv: [pairs * 4],
    nv12: [width, pairs * 2],
    i420: [width, pairs, pairs],
  };
  const planes: PlaneLayout[] = [];
  let bytes = 0;
  for (const [i, rowBytes] of rows[format].entries()) {
    planes.push({ offset: bytes, stride: rowBytes + padding });
    bytes += (rowBytes + padding) * (i === 0 ? height : halfRows);
  }
  return {
    source: { format, width, height, planes, matrix: "bt601", range: "limited" },
    bytes: bytes - padding,
  };
}
