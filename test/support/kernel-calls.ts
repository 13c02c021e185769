import type { Kernels, PreprocessOptions, Rect } from "../../runtime/native/index.ts";
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
export const KERNEL_CALLS: readonly ((random: Random) => KernelCall)[] = [
  preprocess,
  scores,
  nms,
  yolo,
  peaks,
  argmax,
  regions,
  distances,
  toFloat16,
  toFloat32,
  quantize,
  dequantize,
];

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

/** A tensor, and what integers of it stand for. */
function tensor(random: Random, length: number) {
  const values = pick(random, [
    Float32Array.from({ length }, random),
    Int8Array.from({ length }, () => random() * 256 - 128),
    Uint8Array.from({ length }, () => random() * 256),
  ]);
  return { values, quantization: values instanceof Float32Array ? undefined : { scale: 0.1, zeroPoint: 3 } };
}

const head = (random: Random) => ({
  scoreMin: 0.5,
  limit: 10,
  nms: pick(random, [undefined, { iouMax: 0.5 }]),
});

function scores(random: Random): KernelCall {
  const { quantization, values } = tensor(random, upTo(random, 40));
  return { method: "scores", args: [values, { scoreMin: random(), limit: upTo(random, 9), quantization }] };
}

function nms(random: Random): KernelCall {
  const count = upTo(random, 12);
  const candidates = {
    classIds: Uint32Array.from({ length: count }, () => random() * 3),
    scores: Float32Array.from({ length: count }, random),
    boxes: Float32Array.from({ length: count * 4 }, () => random() * 20),
  };
  return { method: "nms", args: [candidates, { iouMax: random(), acrossClasses: random() < 0.5 }] };
}

function yolo(random: Random): KernelCall {
  const [boxes, classes, layout] = [upTo(random, 20), upTo(random, 5), pick(random, ["columns", "rows"])];
  const { quantization, values } = tensor(random, boxes * (classes + (layout === "rows" ? 5 : 4)));
  return { method: "yolo", args: [values, { layout, boxes, classes, quantization, ...head(random) }] };
}

function peaks(random: Random): KernelCall {
  const [width, height, classes] = [upTo(random, 9), upTo(random, 5), upTo(random, 3)];
  const [heat, edges] = [tensor(random, width * height * classes), tensor(random, width * height * 4)];
  const { quantization } = heat;
  const options = { classes, width, height, stride: 8, quantization, edgesQuantization: edges.quantization };
  return { method: "peaks", args: [heat.values, edges.values, { ...options, ...head(random) }] };
}

function argmax(random: Random): KernelCall {
  const [pixels, classes] = [upTo(random, 50), upTo(random, 5)];
  const { values } = tensor(random, pixels * classes);
  return { method: "argmax", args: [values, { classes }, new Uint8Array(pixels)] };
}

function regions(random: Random): KernelCall {
  const [width, height] = [upTo(random, 20), upTo(random, 6)];
  const options = { width, height, connectivity: pick(random, [4, 8]), limit: upTo(random, 9) };
  const length = width * height;
  if (random() < 0.5)
    return { method: "regions", args: [Uint8Array.from({ length }, () => random() * 3), options] };
  const map = Float32Array.from({ length }, random);
  return { method: "regions", args: [map, { ...options, threshold: 0.6 }] };
}

function distances(random: Random): KernelCall {
  const [size, queries, bank] = [upTo(random, 20), upTo(random, 4), upTo(random, 9)];
  const VectorArray = pick(random, [Float32Array, Int8Array]);
  const vectors = (count: number) => new VectorArray(count * size).map(() => random() * 9);
  const k = upTo(random, bank);
  const neighbours = { indices: new Uint32Array(queries * k), distances: new Float32Array(queries * k) };
  const options = { metric: pick(random, ["squared_l2", "cosine"]), size, k };
  return { method: "distances", args: [vectors(queries), vectors(bank), options, neighbours] };
}

function toFloat16(random: Random): KernelCall {
  const length = upTo(random, 40);
  return { method: "toFloat16", args: [new Float32Array(length), new Uint16Array(length)] };
}

function toFloat32(random: Random): KernelCall {
  const length = upTo(random, 40);
  return { method: "toFloat32", args: [new Uint16Array(length), new Float32Array(length)] };
}

/** The floats, their channels, and 8-bit steps for as many. */
function steps(random: Random) {
  const [channels, inner, outer] = [upTo(random, 3), upTo(random, 9), upTo(random, 3)];
  const length = channels * inner * outer;
  const options = { scales: new Array(channels).fill(0.5), zeroPoints: new Array(channels).fill(3), inner };
  const StepArray = pick(random, [Int8Array, Uint8Array]);
  return { floats: new Float32Array(length), options, bytes: new StepArray(length) };
}

function quantize(random: Random): KernelCall {
  const { bytes, floats, options } = steps(random);
  return { method: "quantize", args: [floats, options, bytes] };
}

function dequantize(random: Random): KernelCall {
  const { bytes, floats, options } = steps(random);
  return { method: "dequantize", args: [bytes, options, floats] };
}
