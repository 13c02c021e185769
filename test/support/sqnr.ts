import type { Tensor } from "../../runtime/tensor/tensor.ts";

/** Signal to noise of `given` against `wanted` in dB; infinite when they are equal, NaN when their shapes differ. */
export function sqnrDb(wanted: Tensor, given: Tensor | undefined): number {
  if (given === undefined || given.data.length !== wanted.data.length) return Number.NaN;
  let signal = 0;
  let noise = 0;
  for (const [i, value] of wanted.data.entries()) {
    signal += Number(value) ** 2;
    noise += (Number(value) - Number(given.data[i])) ** 2;
  }
  return noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
}
