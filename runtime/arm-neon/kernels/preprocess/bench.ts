import type { Kernels, PreprocessOptions } from "../../kernels.ts";
import type { BenchCase, BenchPicture } from "../bench-case.ts";
import { letterboxOf } from "./fast-javascript.ts";
import { letterbox } from "./javascript.ts";

type Format = BenchPicture["format"];

const GREY = 114;
const FACTOR = 1 / 255;

/** A camera's frame into a square float32 NCHW tensor of RGB from 0 to 1, letterboxed. */
function frame(format: Format, width: number, height: number, side: number): BenchCase {
  const pixels = pixelsOf(format, width, height);
  const picture = { format, width, height, side, pixels, place: placeOf(width, height, side), pad: GREY };
  return {
    kernel: "preprocess",
    name: `${width}×${height} ${format} → ${side}`,
    picture,
    ours: (kernels) => ours(kernels, picture),
    javascript: () => javascript(picture),
    fastJavascript: () => {
      const [letterboxed, tensor] = [letterboxOf(picture), tensorOf(picture)];
      return () => {
        letterboxed(tensor);
        return tensor;
      };
    },
  };
}

/** Something with edges and slopes, the same in every run. */
function pixelsOf(format: Format, width: number, height: number): Uint8Array {
  const bytes = new Uint8Array(format === "rgb24" ? width * height * 3 : (width * height * 3) / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i >> 4) ^ (i * 7);
  return bytes;
}

function placeOf(width: number, height: number, side: number): BenchPicture["place"] {
  const scale = Math.min(side / width, side / height);
  const place = { width: Math.round(width * scale), height: Math.round(height * scale) };
  return { ...place, left: (side - place.width) >> 1, top: (side - place.height) >> 1 };
}

const tensorOf = ({ side }: BenchPicture) => new Float32Array(side * side * 3);

function ours(kernels: Kernels, picture: BenchPicture): () => Promise<Float32Array> {
  const { format, height, pixels, place, side, width } = picture;
  const planes =
    format === "rgb24"
      ? [{ offset: 0, stride: width * 3 }]
      : [
          { offset: 0, stride: width },
          { offset: width * height, stride: width },
        ];
  const options: PreprocessOptions = {
    source: { format, width, height, planes, matrix: "bt601", range: "limited" },
    crop: { left: 0, top: 0, width, height },
    target: {
      layout: "NCHW",
      color: "rgb",
      width: side,
      height: side,
      place,
      pad: GREY,
      scale: [FACTOR, FACTOR, FACTOR],
      offset: [0, 0, 0],
    },
  };
  const tensor = tensorOf(picture);
  return async () => {
    await kernels.preprocess(pixels, options, tensor, 0);
    return tensor;
  };
}

function javascript(picture: BenchPicture): () => Float32Array {
  const rgb = new Uint8Array(picture.width * picture.height * 3);
  const small = new Uint8Array(picture.side ** 2 * 3).fill(GREY);
  const tensor = tensorOf(picture);
  return () => {
    letterbox(picture, rgb, small, tensor);
    return tensor;
  };
}

export const preprocessCases: BenchCase[] = (["rgb24", "nv12"] as const).flatMap((format) => [
  frame(format, 1920, 1080, 224),
  frame(format, 1920, 1080, 640),
  frame(format, 640, 640, 224),
  frame(format, 640, 640, 640),
]);
