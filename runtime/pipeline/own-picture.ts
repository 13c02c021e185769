import type { Kernels } from "../native/index.ts";
import type { Size } from "./fit.ts";
import type { Picture } from "./frame.ts";
import { fillTensor } from "./preprocess.ts";

/**
 * The picture in memory of its own, so that its frame can be released: a still as it is, a camera's pixels as RGB
 * (or grey), shrunk to `sideMax`. The kernels copy on one of libuv's threads; the frame is needed until the promise
 * settles.
 * Errors: ERR_FRAME_INVALID.
 */
export async function ownPicture(
  kernels: Pick<Kernels, "preprocess">,
  picture: Picture,
  sideMax = Number.POSITIVE_INFINITY,
): Promise<Picture> {
  if (picture.encoding === "still") return { encoding: "still", bytes: picture.bytes.slice() };
  const { height, width } = shrunk(picture, sideMax);
  const color = picture.format === "gray8" ? "gray" : "rgb";
  const channels = color === "gray" ? 1 : 3;
  const bytes = new Uint8Array(width * height * channels);
  const into = { ...AS_THEY_ARE, color, width, height } as const;
  const area = { left: 0, top: 0, width: picture.width, height: picture.height };
  const tensor = { dtype: "uint8", dims: [1, height, width, channels], data: bytes } as const;
  await fillTensor(kernels, into, { picture, area }, tensor);
  const planes = [{ offset: 0, stride: width * channels }];
  return { encoding: "raw", format: color === "gray" ? "gray8" : "rgb24", width, height, planes, bytes };
}

/** The size with its longer side at most `sideMax`, in whole pixels. */
export function shrunk({ height, width }: Size, sideMax: number): Size {
  const scale = Math.min(1, sideMax / Math.max(width, height));
  const pixels = (side: number): number => Math.max(1, Math.round(side * scale));
  return { width: pixels(width), height: pixels(height) };
}

const AS_THEY_ARE = {
  name: "pixels",
  dtype: "uint8",
  layout: "NHWC",
  resize: "stretch",
  pad_value: 0,
  mean: [0],
  std: [1],
} as const;
