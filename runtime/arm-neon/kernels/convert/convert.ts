/** How 8-bit steps stand for numbers: value = (step − zero point) · scale. */
export interface QuantizeOptions {
  /** One for all, or one a channel; positive float32 numbers. */
  scales: readonly number[];
  /** As many; whole, and within the range of the steps' type. */
  zeroPoints: readonly number[];
  /**
   * Elements side by side that share a channel: the product of the dimensions behind the channels' axis. 1 when
   * left out, as where channels are the last axis. Lengths are multiples of scales · inner.
   */
  inner?: number | undefined;
}

/** Source and target have the same length, which may be 0, and share no memory. */
export interface ConvertKernel {
  /**
   * float32 to the bits of float16, as runtime/tensor holds them: to the nearest, halves to even; from 65,520 on
   * infinity. NaNs become quiet, and keep sign and the upper bits of their payload.
   */
  toFloat16(values: Float32Array, halves: Uint16Array): Promise<void>;

  /** The bits of float16 to float32, exactly; NaNs become quiet. */
  toFloat32(halves: Uint16Array, values: Float32Array): Promise<void>;

  /**
   * ONNX's QuantizeLinear, equal to ONNX Runtime's: step = round(value / scale) + zero point in float32, halves
   * to even, cut to the type's range. NaN becomes the zero point, which stands for 0. (What ONNX Runtime makes
   * of it depends on the CPU; on x64 it is the least step.)
   */
  quantize(values: Float32Array, options: QuantizeOptions, steps: Int8Array | Uint8Array): Promise<void>;

  /** ONNX's DequantizeLinear, equal to ONNX Runtime's: value = (step − zero point) · scale in float32. */
  dequantize(steps: Int8Array | Uint8Array, options: QuantizeOptions, values: Float32Array): Promise<void>;
}
