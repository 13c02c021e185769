import { clamp, roundHalfEven } from "./rounding.ts";

const INT32_MAX = 2 ** 31 - 1;
/** A little more than needed, so that rounding the raised scale to float32 cannot undo it. */
const MARGIN = 1.0001;

export interface QuantizedBias {
  codes: Int32Array;
  /** inputScale · weightScales, float32. */
  scales: Float32Array;
}

/** int32 codes with zero point 0, as integer convolutions add them. Codes outside int32 are clamped: see below. */
export function quantizeBias(
  bias: Float32Array,
  inputScale: number,
  weightScales: Float32Array,
): QuantizedBias {
  const scales = weightScales.map((scale) => inputScale * scale);
  const codes = Int32Array.from(bias, (value, i) =>
    clamp(roundHalfEven(value / (scales[i] ?? 1)), -INT32_MAX - 1, INT32_MAX),
  );
  return { codes, scales };
}

/**
 * `weightScales`, raised where bias / (inputScale · weightScale) would leave int32: such a channel's weights are then
 * coarser, but its bias is right. Without this, a channel of very small weights loses its bias
 * (https://github.com/microsoft/onnxruntime/pull/22020).
 */
export function scalesForBias(
  bias: Float32Array,
  inputScale: number,
  weightScales: Float32Array,
): Float32Array {
  return weightScales.map((scale, i) => {
    const smallest = (MARGIN * Math.abs(bias[i] ?? 0)) / INT32_MAX;
    const product = inputScale * scale;
    return product > 0 && product < smallest ? scale * (smallest / product) : scale;
  });
}
