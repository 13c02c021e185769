import type { Manifest } from "./manifest.ts";

type Shape = Pick<Manifest["input"], "width" | "height" | "color" | "layout">;

export const channelsOf = ({ color }: Pick<Shape, "color">): number => (color === "gray" ? 1 : 3);

/** Of the tensor that a model takes of one picture. */
export function inputDims(input: Shape): number[] {
  const { height, layout, width } = input;
  const channels = channelsOf(input);
  return layout === "NCHW" ? [1, channels, height, width] : [1, height, width, channels];
}
