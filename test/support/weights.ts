import { readFileSync } from "node:fs";
import { join } from "node:path";
import { randomFrom } from "../fuzz/random.ts";
import { PCB_AOI } from "./daemon-process.ts";
import { floatTensors } from "./onnx-floats.ts";

/** The float tensors of the shipped model: weights as training leaves them. */
export const realTensors = (): { name: string; values: Float32Array }[] =>
  floatTensors(readFileSync(join(PCB_AOI, "pcb-aoi.onnx")));

/** `values` with Gaussian noise of `share` of their root mean square. */
export function retrained(values: Float32Array, share: number, seed: number): Float32Array {
  const random = randomFrom(seed);
  const rms = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  return values.map((value) => value + share * rms * gauss(random));
}

/** Symmetric, one scale for a tensor: the largest of `like` is 127 (or 7 with four bits). */
export function quantized(values: Float32Array, like: Float32Array, largest = 127): Int8Array {
  const scale = like.reduce((max, value) => Math.max(max, Math.abs(value)), 0) / largest || 1;
  return Int8Array.from(values, (value) => Math.max(-largest, Math.min(largest, Math.round(value / scale))));
}

/** Two codes a byte, the first in the low half, as ONNX packs int4. */
export const packedNibbles = (codes: Int8Array): Uint8Array =>
  Uint8Array.from({ length: Math.ceil(codes.length / 2) }, (_, i) => {
    return ((codes[2 * i] ?? 0) & 15) | (((codes[2 * i + 1] ?? 0) & 15) << 4);
  });

export const bytesOf = (array: Int8Array | Float32Array | Uint8Array): Buffer =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength);

/** Box and Muller. */
const gauss = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
