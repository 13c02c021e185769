import type { QuantizeOptions } from "../../kernels.ts";
import { type BenchCase, benchCase } from "../bench-case.ts";
import * as fast from "./fast-javascript.ts";
import * as plain from "./javascript.ts";

/** A tensor as image classifiers take it. */
const PLANE = 224 * 224;
const shape = { length: 3 * PLANE };
const TENSOR: QuantizeOptions = { scales: [0.02], zeroPoints: [-3] };
const PLANES: QuantizeOptions = { scales: [0.02, 0.03, 0.01], zeroPoints: [0, -7, 20], inner: PLANE };

const values = () => Float32Array.from(shape, (_, i) => (i % 509) / 100 - 2);
const halves = () => Uint16Array.from(shape, (_, i) => i % 0x7c00);
const steps = () => Int8Array.from(shape, (_, i) => i * 7);
const last = (args: readonly unknown[]) => args.at(-1);

const float16: BenchCase = benchCase<[Float32Array, Uint16Array]>(
  "convert",
  "float32 to float16, 3 × 224 × 224",
  { ours: (kernels) => kernels.toFloat16, javascript: plain.toFloat16, fastJavascript: fast.toFloat16 },
  () => [values(), halves()],
  last,
);

const float32: BenchCase = benchCase<[Uint16Array, Float32Array]>(
  "convert",
  "float16 to float32, 3 × 224 × 224",
  { ours: (kernels) => kernels.toFloat32, javascript: plain.toFloat32, fastJavascript: fast.toFloat32 },
  () => [halves(), values()],
  last,
);

const quantize = (name: string, options: QuantizeOptions): BenchCase =>
  benchCase<[Float32Array, QuantizeOptions, Int8Array]>(
    "convert",
    `${name}, 3 × 224 × 224`,
    { ours: (kernels) => kernels.quantize, javascript: plain.quantize, fastJavascript: fast.quantize },
    () => [values(), options, steps()],
    last,
  );

const dequantize = (name: string, options: QuantizeOptions): BenchCase =>
  benchCase<[Int8Array, QuantizeOptions, Float32Array]>(
    "convert",
    `${name}, 3 × 224 × 224`,
    { ours: (kernels) => kernels.dequantize, javascript: plain.dequantize, fastJavascript: fast.dequantize },
    () => [steps(), options, values()],
    last,
  );

export const convertCases = [
  float16,
  float32,
  quantize("quantize", TENSOR),
  quantize("quantize by planes", PLANES),
  dequantize("dequantize", TENSOR),
  dequantize("dequantize by planes", PLANES),
];
