import { expect } from "vitest";
import type { Kernels } from "../../runtime/arm-neon/index.ts";

/** Rounds of random calls in a test: each calls every variant, and an emulated CPU is slow. */
export const ROUNDS = 60;

/** Lengths around those of registers and of unrolled loops. */
export const AWKWARD_LENGTHS = [
  1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 15, 16, 17, 23, 24, 25, 31, 32, 33, 47, 48, 63, 64, 65, 100,
] as const;

/** Throws in the plain form and rejects in the other, both with ERR_ADDON_ARGUMENT and a message with `words`. */
export async function expectRefusal(
  kernels: Kernels,
  method: "distances" | "toFloat16" | "toFloat32" | "quantize" | "dequantize",
  args: readonly unknown[],
  words: string,
): Promise<void> {
  const refusal = expect.objectContaining({
    code: "ERR_ADDON_ARGUMENT",
    message: expect.stringContaining(`${method}: ${words}`),
  });
  const call = (name: string): unknown => Reflect.apply(Reflect.get(kernels, name), kernels, args);
  expect(() => call(method)).toThrow(refusal);
  await expect(call(`${method}Async`)).rejects.toEqual(refusal);
}
