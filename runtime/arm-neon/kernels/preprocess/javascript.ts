import type { BenchPicture } from "../bench-case.ts";

/** Box means of whole pixels, a little less work than the kernel's exact areas; from 0 to 1, planar. */
export function letterbox(
  picture: BenchPicture,
  rgb: Uint8Array,
  small: Uint8Array,
  tensor: Float32Array,
): void {
  const { format, height, pixels, width } = picture;
  if (format === "nv12") toRgb(pixels, width, height, rgb);
  boxMeans(format === "nv12" ? rgb : pixels, picture, small);
  toPlanes(small, tensor);
}

/** BT.601, limited range. */
export function toRgb(nv12: Uint8Array, width: number, height: number, rgb: Uint8Array): void {
  for (let y = 0; y < height; y++) {
    const chroma = width * height + (y >> 1) * width;
    for (let x = 0; x < width; x++) {
      const luma = 1.164 * ((nv12[y * width + x] ?? 0) - 16);
      const cb = (nv12[chroma + (x & ~1)] ?? 0) - 128;
      const cr = (nv12[chroma + (x | 1)] ?? 0) - 128;
      const at = (y * width + x) * 3;
      rgb[at] = clamp(luma + 1.596 * cr);
      rgb[at + 1] = clamp(luma - 0.392 * cb - 0.813 * cr);
      rgb[at + 2] = clamp(luma + 2.017 * cb);
    }
  }
}

const clamp = (v: number): number => (v < 0 ? 0 : v > 255 ? 255 : v);

function boxMeans(rgb: Uint8Array, { height, place, side, width }: BenchPicture, out: Uint8Array): void {
  for (let y = 0; y < place.height; y++) {
    const y0 = Math.floor((y * height) / place.height);
    const y1 = Math.max(y0 + 1, Math.floor(((y + 1) * height) / place.height));
    for (let x = 0; x < place.width; x++) {
      const x0 = Math.floor((x * width) / place.width);
      const x1 = Math.max(x0 + 1, Math.floor(((x + 1) * width) / place.width));
      let [r, g, b] = [0, 0, 0];
      for (let v = y0; v < y1; v++) {
        for (let u = x0; u < x1; u++) {
          const at = (v * width + u) * 3;
          r += rgb[at] as number;
          g += rgb[at + 1] as number;
          b += rgb[at + 2] as number;
        }
      }
      const count = (y1 - y0) * (x1 - x0);
      const at = ((y + place.top) * side + x + place.left) * 3;
      out[at] = r / count;
      out[at + 1] = g / count;
      out[at + 2] = b / count;
    }
  }
}

export function toPlanes(rgb: Uint8Array, tensor: Float32Array): void {
  const plane = tensor.length / 3;
  for (let i = 0; i < plane; i++) {
    tensor[i] = (rgb[i * 3] as number) / 255;
    tensor[plane + i] = (rgb[i * 3 + 1] as number) / 255;
    tensor[2 * plane + i] = (rgb[i * 3 + 2] as number) / 255;
  }
}
