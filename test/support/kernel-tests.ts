import { expect } from "vitest";
import type { Quantization, TensorValues } from "../../runtime/native/index.ts";
import { repeats } from "./repeats.ts";

/** Random calls in a test. */
export const ROUNDS = repeats(600);

export type Random = () => number;

/** Whole, 1 to `most`. */
export const upTo = (random: Random, most: number): number => 1 + Math.floor(random() * most);

export const pick = <T>(random: Random, list: readonly T[]): T =>
  list[Math.floor(random() * list.length)] as T;

/** Lengths around those of vectors. */
export const AWKWARD = [
  1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 15, 16, 17, 23, 24, 25, 31, 32, 33, 47, 48, 63, 64, 65, 127, 128, 129, 200,
] as const;

export type ValueClass = typeof Float32Array | typeof Int8Array | typeof Uint8Array;
export const VALUE_CLASSES: readonly ValueClass[] = [Float32Array, Int8Array, Uint8Array];

const SPECIALS = [Number.NaN, Infinity, -Infinity, 0, 1];

export const quantizationOf = (Class: ValueClass): Quantization | undefined =>
  Class === Float32Array ? undefined : { scale: 1 / 200, zeroPoint: Class === Int8Array ? -100 : 20 };

/** Numbers of few different values, so that many are equal; some of the floats are no numbers or endless. */
export function randomValues(
  random: Random,
  Class: ValueClass,
  length: number,
  specials = 0.02,
): TensorValues {
  const next =
    Class === Float32Array
      ? () => (random() < specials ? pick(random, SPECIALS) : Math.floor(random() * 64) / 64)
      : () => Math.floor(random() * 256);
  const values = new Class(length);
  for (let i = 0; i < length; i++) values[i] = next();
  return values;
}

/** Rejects with ERR_ADDON_ARGUMENT and words that match. */
export async function expectRefusal(
  kernels: object,
  kernel: string,
  args: readonly unknown[],
  words: RegExp | string,
): Promise<void> {
  const message = typeof words === "string" ? expect.stringContaining(words) : expect.stringMatching(words);
  const refusal = expect.objectContaining({ code: "ERR_ADDON_ARGUMENT", message });
  await expect(Reflect.apply(Reflect.get(kernels, kernel), kernels, args)).rejects.toEqual(refusal);
}
