import type { Target } from "../../../models/bundle/targets.ts";
import type { CodeType } from "../numerics/scale.ts";

/** How codes look on a machine. Weights are symmetric int8, a scale a channel. */
export interface Scheme {
  /** Of activations. */
  activation: CodeType;
  /** Zero points of activations are 0, as TensorRT wants. */
  symmetric: boolean;
  /**
   * What keeps 16-bit sums of u8·s8 products from overflowing: `pairs` scales only the channels where two large weights
   * meet, `reduced` halves the codes of all, as ONNX Runtime's `reduce_range` does.
   */
  headroom: "none" | "pairs" | "reduced";
}

const U8S8: Scheme = { activation: "uint8", symmetric: false, headroom: "none" };
const S8S8: Scheme = { activation: "int8", symmetric: false, headroom: "none" };

/** ONNX Runtime has quick kernels for u8·s8 on x86 and s8·s8 on arm64 (measured: int8 activations cost 2.2× on x86). */
export const SCHEMES: Readonly<Record<Target, Scheme>> = {
  "linux-x64-vnni": U8S8,
  "linux-x64-avx2": { ...U8S8, headroom: "pairs" },
  "linux-x64": { ...U8S8, headroom: "pairs" },
  "linux-arm64-dotprod": S8S8,
  "linux-arm64": S8S8,
  tensorrt: { ...S8S8, symmetric: true },
  // Right everywhere, quickest on x86.
  any: { ...U8S8, headroom: "pairs" },
};
