import { normalize } from "../arm-neon/index.ts";
import type { Pixels } from "./still-image.ts";

/** How a model wants its pixels: tensor value = (pixel − mean) / std, pixel 0 to 255. */
export interface ModelInput {
  name: string;
  layout: "NCHW" | "NHWC";
  width: number;
  height: number;
  color: "gray" | "rgb" | "bgr";
  resize: "letterbox" | "stretch";
  pad_value: number;
  /** One a channel, or one for all. */
  mean: readonly number[];
  std: readonly number[];
}

const channelsOf = (input: ModelInput): number => (input.color === "gray" ? 1 : 3);

export function inputDims(input: ModelInput): number[] {
  const { width, height } = input;
  const channels = channelsOf(input);
  return input.layout === "NCHW" ? [1, channels, height, width] : [1, height, width, channels];
}

/** Writes pixels of the model's own size into its input tensor, in the model's order and range. */
export function fillTensor(input: ModelInput, pixels: Pixels, tensor: Float32Array): void {
  const { channels, data, height, width } = pixels;
  const [mean, std] = [perChannel(input.mean), perChannel(input.std)];
  const options = {
    width,
    height,
    channels,
    strideBytes: width * channels,
    swapRedBlue: input.color === "bgr",
    planar: input.layout === "NCHW",
    scale: std.map((s) => 1 / s),
    offset: mean.map((m, c) => -m / (std[c] ?? 1)),
  };
  normalize(data, options, tensor, 0);
}

/** Three values in the target's order of channels; one stands for all. */
const perChannel = (values: readonly number[]): Float32Array =>
  Float32Array.from({ length: 3 }, (_, c) => values[c] ?? values[0] ?? 0);
