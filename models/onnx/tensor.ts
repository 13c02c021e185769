import { create } from "@bufbuild/protobuf";
import { SightlineError } from "../../runtime/base/errors.ts";
import { elementType, packedBytes } from "./element-types.ts";
import {
  TensorProto_DataType as T,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from "./proto/onnx_pb.js";
import { quote } from "./quote.ts";

export { T as DataType };

/** Of a tensor; a scalar has 1. Errors: ERR_ONNX_GRAPH when a dimension is negative or the product is beyond 2^53. */
export function elementCount({ dims, name }: Pick<TensorProto, "dims" | "name">): number {
  // Floats overflow to Infinity, where bigints would grow without end.
  const count = dims.reduce((product, dim) => product * Number(dim), 1);
  if (dims.every((dim) => dim >= 0n) && count <= Number.MAX_SAFE_INTEGER) return count;
  const shape = dims.length > 16 ? `${dims.slice(0, 16).join("×")}×…` : dims.join("×");
  throw new SightlineError("ERR_ONNX_GRAPH", `tensor ${quote(name)} has the shape ${shape}`);
}

export const dimsOf = ({ dims }: Pick<TensorProto, "dims">): number[] => dims.map(Number);

/**
 * Little-endian elements, packed as ONNX packs them; a view of the model's own memory where it has raw data,
 * whatever its alignment. Errors: ERR_ONNX_TENSOR when the type is not known, or bytes and shape disagree.
 */
export function bytesOf(tensor: TensorProto): Uint8Array {
  const type = elementType(tensor.dataType);
  if (type === undefined) throw broken(tensor, `has elements of type ${tensor.dataType}`);
  const wanted = packedBytes(elementCount(tensor), type);
  const bytes = hasRawData(tensor) ? tensor.rawData : fieldBytes(tensor, type.bits);
  if (bytes.byteLength === wanted) return bytes;
  throw broken(tensor, `has ${bytes.byteLength} bytes, its shape requires ${wanted}`);
}

/** Any real type as floats; a copy, or the tensor's own memory where that is float and aligned. Errors: ERR_ONNX_TENSOR. */
export function floatsOf(tensor: TensorProto): Float32Array {
  const bytes = bytesOf(tensor);
  const read = READERS[tensor.dataType];
  if (read === undefined) throw broken(tensor, "is not a tensor of real numbers");
  return read(bytes);
}

/** Integers of any width as numbers. Errors: ERR_ONNX_TENSOR when it holds no integers, or one beyond 2^53. */
export function integersOf(tensor: TensorProto): number[] {
  const bytes = bytesOf(tensor);
  const kind = INTEGERS[tensor.dataType];
  if (kind === undefined) throw broken(tensor, "is not a tensor of integers");
  const numbers = Array.from(aligned(bytes, kind), Number);
  if (numbers.every(Number.isSafeInteger)) return numbers;
  throw broken(tensor, "has integers beyond 2^53");
}

/** A tensor over `data`, which is not copied. Several elements a byte: give `bytes` packed. */
export function tensor(
  name: string,
  dataType: number,
  dims: readonly number[],
  data: ArrayBufferView,
): TensorProto {
  const rawData = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  return create(TensorProtoSchema, { name, dataType, dims: dims.map(BigInt), rawData });
}

export const floatTensor = (name: string, dims: readonly number[], data: Float32Array): TensorProto =>
  tensor(name, T.FLOAT, dims, data);

/** A list of integers as ONNX's operators take them. */
export const int64Tensor = (name: string, values: readonly number[]): TensorProto =>
  tensor(name, T.INT64, [values.length], BigInt64Array.from(values, BigInt));

/** The same tensor under another name; the elements are shared. */
export function renamed(from: TensorProto, name: string): TensorProto {
  return Object.assign(create(TensorProtoSchema), from, { name });
}

export const isFloat = ({ dataType }: TensorProto): boolean => dataType === T.FLOAT;

export const isExternal = (tensor: TensorProto): boolean =>
  tensor.dataLocation === TensorProto_DataLocation.EXTERNAL;

/** Proto2 tells a field that is there and empty from one that is not: an empty tensor may have either. */
const hasRawData = (tensor: TensorProto): boolean => tensor.rawData.byteLength > 0;

interface ElementArray {
  BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, offset: number, length: number): ArrayLike<number | bigint> & ArrayBufferView;
}

/** Views need aligned memory, protobuf aligns nothing. (A Buffer has a `slice` that does not copy.) */
function aligned<A extends ElementArray>(bytes: Uint8Array, kind: A): InstanceType<A> {
  const width = kind.BYTES_PER_ELEMENT;
  const { buffer, byteOffset } = bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes);
  return new kind(buffer as ArrayBuffer, byteOffset, bytes.byteLength / width) as InstanceType<A>;
}

const INTEGERS: Record<number, ElementArray> = {
  [T.UINT8]: Uint8Array,
  [T.INT8]: Int8Array,
  [T.UINT16]: Uint16Array,
  [T.INT16]: Int16Array,
  [T.INT32]: Int32Array,
  [T.INT64]: BigInt64Array,
  [T.UINT32]: Uint32Array,
  [T.UINT64]: BigUint64Array,
  [T.BOOL]: Uint8Array,
};

const READERS: Record<number, (bytes: Uint8Array) => Float32Array> = {
  [T.FLOAT]: (bytes) => aligned(bytes, Float32Array),
  [T.DOUBLE]: (bytes) => Float32Array.from(aligned(bytes, Float64Array)),
  [T.FLOAT16]: (bytes) => Float32Array.from(aligned(bytes, Uint16Array), halfToFloat),
  [T.BFLOAT16]: (bytes) =>
    new Float32Array(Uint32Array.from(aligned(bytes, Uint16Array), (h) => h << 16).buffer),
  ...Object.fromEntries(
    Object.entries(INTEGERS).map(([type, kind]) => [
      type,
      (bytes: Uint8Array) => Float32Array.from(aligned(bytes, kind) as ArrayLike<number | bigint>, Number),
    ]),
  ),
};

/** IEEE 754 binary16. */
function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Elements that stand in one of the typed fields: narrow types share `int32_data`, a number each. */
function fieldBytes(tensor: TensorProto, bits: number): Uint8Array {
  const { dataType, floatData, int32Data, int64Data, doubleData, uint64Data } = tensor;
  if (dataType === T.FLOAT || dataType === T.COMPLEX64) return view(Float32Array.from(floatData));
  if (dataType === T.DOUBLE || dataType === T.COMPLEX128) return view(Float64Array.from(doubleData));
  if (dataType === T.INT64) return view(BigInt64Array.from(int64Data));
  if (dataType === T.UINT64) return view(BigUint64Array.from(uint64Data));
  if (dataType === T.UINT32) return view(Uint32Array.from(uint64Data, Number));
  if (bits === 32) return view(Int32Array.from(int32Data));
  return view(bits === 16 ? Uint16Array.from(int32Data) : Uint8Array.from(int32Data));
}

const view = ({ buffer }: { buffer: ArrayBuffer }): Uint8Array => new Uint8Array(buffer);

const broken = ({ name }: TensorProto, why: string): SightlineError =>
  new SightlineError("ERR_ONNX_TENSOR", `tensor ${quote(name)} ${why}`);
