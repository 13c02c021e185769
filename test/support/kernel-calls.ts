import type { Kernels, PreprocessOptions, Rect } from "../../runtime/arm-neon/index.ts";
import { layOut, PIXEL_FORMATS } from "./raw-images.ts";

/** A method of `Kernels`, and arguments that it takes. */
export interface KernelCall {
  method: keyof Kernels;
  args: unknown[];
}

type Random = () => number;
const upTo = (random: Random, most: number): number => 1 + Math.floor(random() * most);
const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

/** Small, valid and different each time, a maker a method. */
export const KERNEL_CALLS: readonly ((random: Random) => KernelCall)[] = [preprocess];

function preprocess(random: Random): KernelCall {
  const [width, height] = [upTo(random, 12), upTo(random, 6)];
  const { bytes, source } = layOut(pick(random, PIXEL_FORMATS), width, height, pick(random, [0, 3]));
  const side = upTo(random, 9);
  const target: PreprocessOptions["target"] = {
    layout: pick(random, ["NCHW", "NHWC"]),
    color: pick(random, ["gray", "rgb", "bgr"]),
    width: side,
    height: side,
    place: whole(side, side),
    pad: 0,
    scale: [1, 1, 1],
    offset: [0, 0, 0],
  };
  const TensorArray = pick(random, [Float32Array, Uint8Array, Int8Array]);
  const tensor = new TensorArray(side * side * 3 + 2);
  const options = { source, crop: whole(width, height), target };
  return { method: "preprocess", args: [new Uint8Array(bytes), options, tensor, pick(random, [0, 2])] };
}

const whole = (width: number, height: number): Rect => ({ left: 0, top: 0, width, height });
