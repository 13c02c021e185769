import sharp from "sharp";
import type { Kernels, PreprocessOptions } from "../../runtime/native/index.ts";
import type { KernelCase } from "./case.ts";

type Format = "rgb24" | "nv12";

/** A camera's frame into a square float32 NCHW tensor of RGB from 0 to 1, letterboxed. */
const frame = (format: Format, width: number, height: number, side: number): KernelCase => ({
  kernel: "preprocess",
  name: `${width}×${height} ${format} → ${side}`,
  ours: (kernels) => ours(kernels, format, width, height, side),
  javascript: () => javascript(format, width, height, side),
  sharp: () => sharpAndLoop(format, width, height, side),
});

export const preprocessCases: readonly KernelCase[] = (["rgb24", "nv12"] as const).flatMap((format) => [
  frame(format, 1920, 1080, 224),
  frame(format, 1920, 1080, 640),
  frame(format, 640, 640, 224),
  frame(format, 640, 640, 640),
]);

const GREY = 114;

/** Something with edges and slopes, the same in every run. */
function picture(format: Format, width: number, height: number): Uint8Array {
  const bytes = new Uint8Array(format === "rgb24" ? width * height * 3 : (width * height * 3) / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i >> 4) ^ (i * 7);
  return bytes;
}

function placeOf(width: number, height: number, side: number) {
  const scale = Math.min(side / width, side / height);
  const place = { width: Math.round(width * scale), height: Math.round(height * scale) };
  return { ...place, left: (side - place.width) >> 1, top: (side - place.height) >> 1 };
}

function ours(
  kernels: Kernels,
  format: Format,
  width: number,
  height: number,
  side: number,
): () => Promise<void> {
  const luma = { offset: 0, stride: width };
  const planes =
    format === "rgb24"
      ? [{ offset: 0, stride: width * 3 }]
      : [luma, { offset: width * height, stride: width }];
  const factor = 1 / 255;
  const options: PreprocessOptions = {
    source: { format, width, height, planes, matrix: "bt601", range: "limited" },
    crop: { left: 0, top: 0, width, height },
    target: {
      layout: "NCHW",
      color: "rgb",
      width: side,
      height: side,
      place: placeOf(width, height, side),
      pad: GREY,
      scale: [factor, factor, factor],
      offset: [0, 0, 0],
    },
  };
  const pixels = picture(format, width, height);
  const tensor = new Float32Array(side * side * 3);
  return () => kernels.preprocess(pixels, options, tensor, 0);
}

/** Box means of whole pixels, a little less work than the kernel's exact areas. */
function javascript(format: Format, width: number, height: number, side: number): () => void {
  const pixels = picture(format, width, height);
  const rgb = new Uint8Array(width * height * 3);
  const small = new Uint8Array(side * side * 3).fill(GREY);
  const tensor = new Float32Array(side * side * 3);
  const place = placeOf(width, height, side);
  return () => {
    if (format === "nv12") toRgb(pixels, width, height, rgb);
    boxMeans(format === "nv12" ? rgb : pixels, width, height, place, small, side);
    toPlanes(small, tensor);
  };
}

function sharpAndLoop(format: Format, width: number, height: number, side: number): () => Promise<unknown> {
  const pixels = picture(format, width, height);
  const rgb = new Uint8Array(width * height * 3);
  const tensor = new Float32Array(side * side * 3);
  const background = { r: GREY, g: GREY, b: GREY };
  return async () => {
    if (format === "nv12") toRgb(pixels, width, height, rgb);
    const image = sharp(format === "nv12" ? rgb : pixels, { raw: { width, height, channels: 3 } });
    if (width !== side || height !== side) {
      image.resize(side, side, { fit: "contain", background, kernel: "linear" });
    }
    toPlanes(await image.raw().toBuffer(), tensor);
  };
}

function toRgb(nv12: Uint8Array, width: number, height: number, rgb: Uint8Array): void {
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

interface Place {
  left: number;
  top: number;
  width: number;
  height: number;
}

function boxMeans(
  rgb: Uint8Array,
  width: number,
  height: number,
  place: Place,
  out: Uint8Array,
  side: number,
): void {
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

function toPlanes(rgb: Uint8Array, tensor: Float32Array): void {
  const plane = tensor.length / 3;
  for (let i = 0; i < plane; i++) {
    tensor[i] = (rgb[i * 3] as number) / 255;
    tensor[plane + i] = (rgb[i * 3 + 1] as number) / 255;
    tensor[2 * plane + i] = (rgb[i * 3 + 2] as number) / 255;
  }
}
