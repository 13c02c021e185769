/** 20·log₁₀(‖x‖ / ‖x − y‖) of a tensor and its quantized twin; Infinity when equal, −Infinity when x is all 0. */
export function sqnrDb(expected: Float32Array, actual: Float32Array): number {
  let signal = 0;
  let noise = 0;
  for (let i = 0; i < expected.length; i++) {
    const value = expected[i] as number;
    signal += value * value;
    noise += (value - (actual[i] ?? Number.NaN)) ** 2;
  }
  return noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
}

/** Beyond this two outputs are equal for all that a mean should say. */
const SQNR_DB_MAX = 120;

/** `sqnrDb` for means, 0 to 120: an output that is all 0 would else decide any mean alone. NaN stays NaN. */
export const boundedSqnrDb = (expected: Float32Array, actual: Float32Array): number =>
  Math.min(SQNR_DB_MAX, Math.max(0, sqnrDb(expected, actual)));

/** Share (0…1) of rows of `classes` scores whose largest is at the same place; the first of equals counts. */
export function top1Agreement(expected: Float32Array, actual: Float32Array, classes: number): number {
  const rows = expected.length / classes;
  let agreed = 0;
  for (let row = 0; row < rows; row++) {
    if (argMax(expected, row * classes, classes) === argMax(actual, row * classes, classes)) agreed++;
  }
  return agreed / rows;
}

function argMax(values: Float32Array, from: number, length: number): number {
  let best = 0;
  for (let i = 1; i < length; i++) {
    if ((values[from + i] as number) > (values[from + best] as number)) best = i;
  }
  return best;
}
