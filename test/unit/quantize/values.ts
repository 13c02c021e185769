import { randomFrom } from "../../fuzz/random.ts";

/** `length` normally distributed values (Box–Muller), the same for the same seed. */
export function gaussian(length: number, seed: number, spread = 1): Float32Array {
  const random = randomFrom(seed);
  return Float32Array.from(
    { length },
    () => spread * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}

export const relu = (values: Float32Array): Float32Array => values.map((value) => Math.max(0, value));

export const seeds = [1, Math.floor(Math.random() * 2 ** 32)];
