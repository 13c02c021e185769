import type { Size } from "./fit.ts";
import type { Homography } from "./homography.ts";

export interface PackedImage extends Size {
  channels: number;
  /** Row by row without padding. */
  data: Uint8Array;
}

/** An image seen through a map from the target's pixels to the source's; bilinear, and its edge goes on beyond it. */
export function warp(source: PackedImage, target: Size, map: Homography): PackedImage {
  const { channels } = source;
  const data = new Uint8Array(target.width * target.height * channels);
  const [a, b, c, d, e, f, g, h, i] = map;
  for (let y = 0; y < target.height; y++) {
    for (let x = 0; x < target.width; x++) {
      const [u, v] = [x + 0.5, y + 0.5];
      const w = 1 / (g * u + h * v + i);
      const sx = (a * u + b * v + c) * w - 0.5;
      const sy = (d * u + e * v + f) * w - 0.5;
      sample(source, sx, sy, data, (y * target.width + x) * channels);
    }
  }
  return { ...target, channels, data };
}

function sample(source: PackedImage, sx: number, sy: number, out: Uint8Array, at: number): void {
  const { channels, data, height, width } = source;
  const x = sx <= 0 ? 0 : sx >= width - 1 ? width - 1 : sx;
  const y = sy <= 0 ? 0 : sy >= height - 1 ? height - 1 : sy;
  const [left, top] = [x | 0, y | 0];
  const [fx, fy] = [x - left, y - top];
  const right = left + 1 < width ? channels : 0;
  const below = top + 1 < height ? width * channels : 0;
  const p = (top * width + left) * channels;
  for (let k = 0; k < channels; k++) {
    const q = p + k;
    const upper = (data[q] as number) * (1 - fx) + (data[q + right] as number) * fx;
    const lower = (data[q + below] as number) * (1 - fx) + (data[q + below + right] as number) * fx;
    out[at + k] = upper + (lower - upper) * fy + 0.5;
  }
}
