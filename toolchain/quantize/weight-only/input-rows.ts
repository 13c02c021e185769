import { type ConvGeometry, outputsAlong } from "./conv-geometry.ts";

/** At most `count` rows of a MatMul's input [..., K], evenly over it; `offset` (0 to 1) moves them from call to call. */
export function sampleRows(values: Float32Array, k: number, { count, offset }: Sampling): Float32Array {
  const places = sampled(values.length / k, { count, offset });
  const rows = new Float32Array(places.length * k);
  for (const [row, place] of places.entries()) {
    rows.set(values.subarray(place * k, (place + 1) * k), row * k);
  }
  return rows;
}

export interface Sampling {
  count: number;
  offset: number;
}

/**
 * The same of a Conv over a picture [N, C, H, W]: a row [C · kernel height · kernel width] is what one output sees,
 * zeros where that is padding.
 */
export function samplePatches(
  values: Float32Array,
  dims: readonly number[],
  geometry: ConvGeometry,
  sampling: Sampling,
): Float32Array {
  const [images = 1, channels = 1, height = 1, width = 1] = dims;
  const [y, x] = [outputsAlong(geometry, 0, height), outputsAlong(geometry, 1, width)];
  const places = sampled(images * y.count * x.count, sampling);
  const k = channels * (geometry.kernel[0] ?? 1) * (geometry.kernel[1] ?? 1);
  const rows = new Float32Array(places.length * k);
  for (const [row, place] of places.entries()) {
    const image = Math.floor(place / (y.count * x.count));
    const top = (Math.floor(place / x.count) % y.count) * (geometry.strides[0] ?? 1) - y.before;
    const left = (place % x.count) * (geometry.strides[1] ?? 1) - x.before;
    const picture = { values, height, width, from: image * channels * height * width };
    copyPatch(rows.subarray(row * k, (row + 1) * k), picture, { top, left }, geometry);
  }
  return rows;
}

interface Picture {
  values: Float32Array;
  height: number;
  width: number;
  /** Where its first channel begins. */
  from: number;
}

function copyPatch(
  row: Float32Array,
  { values, height, width, from }: Picture,
  { top, left }: { top: number; left: number },
  { kernel: [kh = 1, kw = 1], dilations: [dy = 1, dx = 1] }: ConvGeometry,
): void {
  for (let i = 0; i < row.length; i++) {
    const channel = Math.floor(i / (kh * kw));
    const y = top + (Math.floor(i / kw) % kh) * dy;
    const x = left + (i % kw) * dx;
    const isInside = y >= 0 && y < height && x >= 0 && x < width;
    if (isInside) row[i] = values[from + (channel * height + y) * width + x] as number;
  }
}

function sampled(total: number, { count, offset }: Sampling): number[] {
  if (total <= count) return Array.from({ length: total }, (_, i) => i);
  return Array.from({ length: count }, (_, i) => Math.floor(((i + offset) * total) / count));
}
