import { SightlineError } from "../base/errors.ts";
import type { Kernels, PreprocessOptions, Rect } from "../native/index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { fitInto } from "./fit.ts";
import type { RawPicture } from "./frame.ts";

/** How a model wants its pixels: tensor value = (pixel − mean) / std, pixel 0 to 255. */
export interface ModelInput {
  name: string;
  dtype: "float32" | "uint8" | "int8";
  layout: "NCHW" | "NHWC";
  width: number;
  height: number;
  color: "gray" | "rgb" | "bgr";
  resize: "letterbox" | "stretch";
  pad_value: number;
  /** One a channel, or one for all. */
  mean: readonly number[];
  std: readonly number[];
  /** Of integer inputs: stored = value / scale + zero_point, rounded and cut. */
  quantization?: { scale: number; zero_point: number } | undefined;
}

/** A part of a picture, in whole pixels. */
export interface Cut {
  picture: RawPicture;
  area: Rect;
}

/**
 * Resizes a part of a picture into a model's input tensor, in the model's order, range and type, off the event loop.
 * Errors: ERR_FRAME_INVALID when the picture's sizes do not fit its bytes; nothing is written then.
 */
export async function fillTensor(
  kernels: Pick<Kernels, "preprocess">,
  input: ModelInput,
  { area, picture }: Cut,
  tensor: Tensor,
): Promise<void> {
  try {
    const data = tensor.data as Float32Array | Uint8Array | Int8Array;
    await kernels.preprocess(picture.bytes, preprocessOptions(input, picture, area), data, 0);
  } catch (error) {
    // All other arguments come from a checked manifest.
    throw new SightlineError("ERR_FRAME_INVALID", error instanceof Error ? error.message : String(error));
  }
}

function preprocessOptions(input: ModelInput, picture: RawPicture, area: Rect): PreprocessOptions {
  const fit = fitInto(area, input, input.resize);
  return {
    source: sourceOf(picture),
    crop: area,
    target: {
      layout: input.layout,
      color: input.color,
      width: input.width,
      height: input.height,
      place: fit.place,
      pad: input.pad_value,
      ...factors(input),
    },
  };
}

/** A part of a picture as packed pixels in a buffer of its own: gray where the picture is, else RGB. */
export async function packPixels(
  kernels: Pick<Kernels, "preprocess">,
  picture: RawPicture,
  area: Rect,
): Promise<{ width: number; height: number; channels: number; data: Uint8Array }> {
  const gray = picture.format === "gray8";
  const { height, width } = area;
  const channels = gray ? 1 : 3;
  const data = new Uint8Array(width * height * channels);
  const place = { left: 0, top: 0, width, height };
  const target = {
    layout: "NHWC",
    color: gray ? "gray" : "rgb",
    width,
    height,
    place,
    pad: 0,
    ...AS_IS,
  } as const;
  await kernels.preprocess(picture.bytes, { source: sourceOf(picture), crop: area, target }, data, 0);
  return { width, height, channels, data };
}

const AS_IS = { scale: [1, 1, 1], offset: [0, 0, 0] } as const;

function sourceOf(picture: RawPicture): PreprocessOptions["source"] {
  const { format, height, planes, range = "limited", width } = picture;
  const matrix = picture.matrix ?? (height > 576 ? "bt709" : "bt601");
  return { format, width, height, planes, matrix, range };
}

/** (pixel − mean) / std, quantized where the tensor is: one multiplication and one addition a pixel. */
function factors({
  mean,
  quantization,
  std,
}: ModelInput): Pick<PreprocessOptions["target"], "scale" | "offset"> {
  const { scale: step, zero_point } = quantization ?? { scale: 1, zero_point: 0 };
  const at = (values: readonly number[], c: number): number => values[c] ?? values[0] ?? 0;
  const scale = (c: number) => 1 / (at(std, c) * step);
  const offset = (c: number) => zero_point - at(mean, c) * scale(c);
  return { scale: [scale(0), scale(1), scale(2)], offset: [offset(0), offset(1), offset(2)] };
}
