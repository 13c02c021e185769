import * as plain from "../../runtime/arm-neon/kernels/convert/javascript.ts";
import { distances } from "../../runtime/arm-neon/kernels/distances/javascript.ts";
import type { DistancesOptions, Kernels, QuantizeOptions } from "../../runtime/native/index.ts";
import type { KernelCase } from "./case.ts";

type Types = typeof Float32Array | typeof Int8Array;
type Metric = DistancesOptions["metric"];

/** Embeddings as image models make them. */
const SIZE = 384;

/** A tensor as image classifiers take it. */
const PLANE = 224 * 224;
const ELEMENTS = 3 * PLANE;

/** A frame's patches, or one picture, against a bank of good ones. */
const search = (Type: Types, metric: Metric, queryCount: number, bankCount: number): KernelCase => ({
  kernel: "distances",
  name: `${Type === Int8Array ? "int8" : "float32"} ${metric}, ${queryCount} × ${bankCount} of ${SIZE}`,
  ours: (kernels) => {
    const { bank, neighbours, options, queries } = work(Type, metric, queryCount, bankCount);
    return () => kernels.distances(queries, bank, options, neighbours);
  },
  javascript: () => {
    const { bank, neighbours, options, queries } = work(Type, metric, queryCount, bankCount);
    return () => distances(queries, bank, options, neighbours);
  },
});

function work(Type: Types, metric: Metric, queryCount: number, bankCount: number) {
  const k = 3;
  return {
    queries: vectors(Type, queryCount, 1),
    bank: vectors(Type, bankCount, 2),
    options: { metric, size: SIZE, k },
    neighbours: { indices: new Uint32Array(queryCount * k), distances: new Float32Array(queryCount * k) },
  };
}

function vectors(Type: Types, count: number, seed: number): Float32Array | Int8Array {
  const made = new Type(count * SIZE);
  let state = seed;
  for (let i = 0; i < made.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    made[i] = state >> 24;
  }
  return made;
}

/** Kernels and plain loops have them under the same names. */
type Conversions = Pick<Kernels, "toFloat16" | "toFloat32" | "quantize" | "dequantize"> | typeof plain;
type Start = (conversions: Conversions) => () => unknown;

const conversion = (name: string, start: Start): KernelCase => ({
  kernel: "convert",
  name: `${name}, 3 × 224 × 224`,
  ours: start,
  javascript: () => start(plain),
});

const values = () => Float32Array.from({ length: ELEMENTS }, (_, i) => (i % 509) / 100 - 2);
const halves = () => Uint16Array.from({ length: ELEMENTS }, (_, i) => i % 0x7c00);
const steps = () => Int8Array.from({ length: ELEMENTS }, (_, i) => i * 7);
const TENSOR: QuantizeOptions = { scales: [0.02], zeroPoints: [-3] };
const PLANES: QuantizeOptions = { scales: [0.02, 0.03, 0.01], zeroPoints: [0, -7, 20], inner: PLANE };

const toSteps = (options: QuantizeOptions) => (conversions: Conversions) => {
  const [from, to] = [values(), steps()];
  return () => conversions.quantize(from, options, to);
};

const fromSteps = (options: QuantizeOptions) => (conversions: Conversions) => {
  const [from, to] = [steps(), values()];
  return () => conversions.dequantize(from, options, to);
};

export const vectorCases: KernelCase[] = [
  search(Float32Array, "squared_l2", 64, 2_000),
  search(Float32Array, "cosine", 64, 2_000),
  search(Float32Array, "squared_l2", 1, 2_000),
  search(Int8Array, "squared_l2", 64, 2_000),
  search(Int8Array, "cosine", 64, 2_000),
  conversion("float32 to float16", (conversions) => {
    const [from, to] = [values(), halves()];
    return () => conversions.toFloat16(from, to);
  }),
  conversion("float16 to float32", (conversions) => {
    const [from, to] = [halves(), values()];
    return () => conversions.toFloat32(from, to);
  }),
  conversion("quantize", toSteps(TENSOR)),
  conversion("quantize by planes", toSteps(PLANES)),
  conversion("dequantize", fromSteps(TENSOR)),
  conversion("dequantize by planes", fromSteps(PLANES)),
];
