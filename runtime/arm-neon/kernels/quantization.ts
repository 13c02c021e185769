/** What the stored values of an integer tensor mean: real = (stored − zeroPoint) · scale, in float32. */
export interface Quantization {
  /** Above 0. */
  scale: number;
  /** A whole number within the tensor's type. */
  zeroPoint: number;
}

/** A tensor's values: integers come with a quantization, float32 without. */
export type TensorValues = Float32Array | Int8Array | Uint8Array;
