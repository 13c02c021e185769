import { SightlineError } from "../base/errors.ts";

/** Element types that models of this project use; `float16` data is held as raw bits in a Uint16Array. */
export const ARRAY_OF = {
  float32: Float32Array,
  float16: Uint16Array,
  float64: Float64Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
} as const;

export type DType = keyof typeof ARRAY_OF;
export type TensorData = InstanceType<(typeof ARRAY_OF)[DType]>;

/** Shape and type of a model's input or output; a dimension that is only known at run time is -1. */
export interface TensorSpec {
  name: string;
  dtype: DType;
  dims: readonly number[];
}

/** dtype + dims + data, row-major; `data.length` equals the product of `dims`. */
export interface Tensor {
  dtype: DType;
  dims: readonly number[];
  data: TensorData;
}

export type NamedTensors = Record<string, Tensor>;

export const elementCount = (dims: readonly number[]): number => dims.reduce((n, d) => n * d, 1);
export const byteCount = (dtype: DType, dims: readonly number[]): number =>
  elementCount(dims) * ARRAY_OF[dtype].BYTES_PER_ELEMENT;

/**
 * Gives the tensor's memory back at once rather than when JavaScript comes to it; its data is gone then. Only for
 * whoever knows that nobody else has it.
 */
export function freeTensor({ data: { buffer } }: Tensor): void {
  if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
}

/** A float32 tensor's data; throws ERR_MODEL_IO when the tensor is of another type. */
export function floats(tensor: Tensor | undefined, name: string): Float32Array {
  if (tensor?.data instanceof Float32Array) return tensor.data;
  throw new SightlineError(
    "ERR_MODEL_IO",
    `output "${name}" is ${tensor?.dtype ?? "missing"}, expected float32`,
  );
}
