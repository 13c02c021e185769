import { SightlineError } from "../../../runtime/base/errors.ts";
import {
  ARRAY_OF,
  byteCount,
  type DType,
  elementCount,
  type Tensor,
  type TensorData,
  type TensorSpec,
} from "../../../runtime/tensor/tensor.ts";
import { datatypeOf, isBinaryOnly } from "./datatypes.ts";

const RANKS_MAX = 16;

/** What the JSON part says of one input. */
export interface WrittenTensor {
  name: string;
  shape: unknown;
  datatype: unknown;
  data: unknown;
  /** `parameters.binary_data_size`: its bytes follow the JSON. */
  bytes: unknown;
}

/**
 * One input, checked against the model's before anything is allocated. `take` gives the next bytes behind the JSON, undefined
 * when there are not as many. Errors: ERR_HTTP_REQUEST.
 */
export function readTensor(
  written: WrittenTensor,
  spec: TensorSpec,
  take: (bytes: number) => Buffer | undefined,
): Tensor {
  const { dtype, name } = spec;
  if (written.datatype !== datatypeOf(dtype)) {
    throw wrong(name, `has the datatype ${datatypeOf(dtype)}, not ${shown(written.datatype)}`);
  }
  const dims = shapeOf(written.shape, spec);
  if (written.bytes !== undefined)
    return { dtype, dims, data: fromBytes(written.bytes, dtype, dims, { name, take }) };
  if (isBinaryOnly(dtype)) throw wrong(name, "can only be sent as binary data");
  return { dtype, dims, data: fromJson(written.data, dtype, dims, name) };
}

/** Tensors are read where they lie if their elements start at multiples of their size there, else from a copy. */
export function tensorOver(bytes: Buffer, dtype: DType): TensorData {
  const { buffer, byteLength, byteOffset } = bytes;
  const elementBytes = ARRAY_OF[dtype].BYTES_PER_ELEMENT;
  if (byteOffset % elementBytes === 0)
    return new ARRAY_OF[dtype](buffer as ArrayBuffer, byteOffset, byteLength / elementBytes);
  const copy = Uint8Array.from(bytes);
  return new ARRAY_OF[dtype](copy.buffer);
}

function shapeOf(shape: unknown, { dims, name }: TensorSpec): number[] {
  const isShape =
    Array.isArray(shape) &&
    shape.length <= RANKS_MAX &&
    shape.every((dim) => Number.isSafeInteger(dim) && dim >= 1);
  const fits =
    isShape && shape.length === dims.length && dims.every((dim, i) => dim === -1 || dim === shape[i]);
  if (fits && Number.isSafeInteger(elementCount(shape) * 8)) return [...shape];
  throw wrong(name, `has the shape [${dims.join(", ")}], not ${shown(shape)}`);
}

function fromBytes(
  size: unknown,
  dtype: DType,
  dims: readonly number[],
  { name, take }: { name: string; take: (bytes: number) => Buffer | undefined },
): TensorData {
  const wanted = byteCount(dtype, dims);
  if (size !== wanted) throw wrong(name, `has ${wanted} bytes in this shape, not ${shown(size)}`);
  const bytes = take(wanted);
  if (!bytes) throw wrong(name, `has ${wanted} bytes, but fewer follow`);
  return tensorOver(bytes, dtype);
}

/** Flat, or nested as the shape is: both are row-major. */
function fromJson(data: unknown, dtype: DType, dims: readonly number[], name: string): TensorData {
  const wanted = elementCount(dims);
  const flat = Array.isArray(data) ? flattened(data, wanted) : undefined;
  if (flat?.length !== wanted) throw wrong(name, `has ${wanted} elements in this shape`);
  const made = new ARRAY_OF[dtype](wanted);
  for (const [i, value] of flat.entries()) {
    const element = elementOf(value, dtype);
    if (element === undefined) throw wrong(name, `has ${shown(value)}, which is not a ${datatypeOf(dtype)}`);
    made[i] = element as never;
  }
  return made;
}

/** Gives up beyond `countMax`, however deep. */
function flattened(data: readonly unknown[], countMax: number): unknown[] | undefined {
  const flat: unknown[] = [];
  const add = (items: readonly unknown[], depth: number): boolean =>
    depth <= RANKS_MAX &&
    items.every((item) => {
      if (Array.isArray(item)) return add(item, depth + 1);
      flat.push(item);
      return flat.length <= countMax;
    });
  return add(data, 0) ? flat : undefined;
}

const RANGES: Partial<Record<DType, readonly [number, number]>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

function elementOf(value: unknown, dtype: DType): number | bigint | undefined {
  if (dtype === "bool") return typeof value === "boolean" ? Number(value) : undefined;
  if (typeof value !== "number") return undefined;
  const range = RANGES[dtype];
  if (!range) return value;
  if (!Number.isInteger(value) || value < range[0] || value > range[1]) return undefined;
  return dtype === "int64" ? BigInt(value) : value;
}

const wrong = (name: string, what: string): SightlineError =>
  new SightlineError("ERR_HTTP_REQUEST", `the input "${name}" ${what}`);

const shown = (value: unknown): string => (JSON.stringify(value) ?? "nothing").slice(0, 80);
