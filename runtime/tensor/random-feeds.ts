import { SightlineError } from "../base/errors.ts";
import {
  ARRAY_OF,
  type DType,
  elementCount,
  type NamedTensors,
  type TensorData,
  type TensorSpec,
} from "./tensor.ts";

/** Dims by the input's name. */
export type InputShapes = Readonly<Record<string, readonly number[]>>;

/**
 * A tensor for each input, the same for the same seed: floats of a standard normal distribution, integers from 0 to
 * 255 or what the type holds of it. Dimensions that the model leaves open are those of `shapes`, else 1.
 * Errors: ERR_MODEL_IO when a shape is for no input or does not fit it.
 */
export function randomFeeds(specs: readonly TensorSpec[], shapes: InputShapes, seed: number): NamedTensors {
  const stray = Object.keys(shapes).find((name) => !specs.some((spec) => spec.name === name));
  if (stray !== undefined) {
    const known = specs.map(({ name }) => `"${name}"`).join(", ");
    throw new SightlineError("ERR_MODEL_IO", `there is no input "${stray}"; the model has ${known}`);
  }
  const random = randomFrom(seed);
  return Object.fromEntries(
    specs.map((spec) => {
      const dims = dimsFor(spec, shapes[spec.name]);
      return [spec.name, { dtype: spec.dtype, dims, data: randomData(spec.dtype, dims, random) }];
    }),
  );
}

function dimsFor({ name, dims }: TensorSpec, wanted: readonly number[] | undefined): number[] {
  if (wanted === undefined) return dims.map((dim) => (dim === -1 ? 1 : dim));
  const fits = wanted.length === dims.length && dims.every((dim, i) => dim === -1 || dim === wanted[i]);
  if (fits) return [...wanted];
  const shape = dims.map((dim) => (dim === -1 ? "?" : dim)).join("x");
  throw new SightlineError("ERR_MODEL_IO", `input "${name}" has the shape ${shape}, not ${wanted.join("x")}`);
}

function randomData(dtype: DType, dims: readonly number[], random: () => number): TensorData {
  const data = new ARRAY_OF[dtype](elementCount(dims));
  const next = GENERATORS[dtype] ?? ((uniform) => Math.floor(uniform() * 256));
  if (data instanceof BigInt64Array) for (const i of data.keys()) data[i] = BigInt(next(random));
  else for (const i of data.keys()) data[i] = next(random);
  return data;
}

const GENERATORS: Partial<Record<DType, (uniform: () => number) => number>> = {
  float32: normal,
  float64: normal,
  float16: halfBits,
  int8: (uniform) => Math.floor(uniform() * 256) - 128,
  bool: (uniform) => Math.round(uniform()),
};

/** Box and Muller 1958, of whose two numbers one is used. */
function normal(uniform: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** The bits of an IEEE 754 half from ±[0.5, 1). */
function halfBits(uniform: () => number): number {
  return (uniform() < 0.5 ? 0x8000 : 0) | (14 << 10) | Math.floor(uniform() * 1024);
}

/** Tommy Ettinger's mulberry32: 32 bits of state, the same numbers on every machine. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
