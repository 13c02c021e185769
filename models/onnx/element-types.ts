import { TensorProto_DataType as T } from "./proto/onnx_pb.js";

export interface ElementType {
  /** As ONNX spells it, in small letters. */
  name: string;
  /** Of one element as it is stored; 4-bit and 2-bit elements are packed, the low bits first. */
  bits: number;
}

/** Element types of tensors whose bytes can be told from their shape (so not strings), by ONNX's number. */
const ELEMENT_TYPES: ReadonlyMap<number, ElementType> = new Map([
  [T.FLOAT, { name: "float", bits: 32 }],
  [T.UINT8, { name: "uint8", bits: 8 }],
  [T.INT8, { name: "int8", bits: 8 }],
  [T.UINT16, { name: "uint16", bits: 16 }],
  [T.INT16, { name: "int16", bits: 16 }],
  [T.INT32, { name: "int32", bits: 32 }],
  [T.INT64, { name: "int64", bits: 64 }],
  [T.BOOL, { name: "bool", bits: 8 }],
  [T.FLOAT16, { name: "float16", bits: 16 }],
  [T.DOUBLE, { name: "double", bits: 64 }],
  [T.UINT32, { name: "uint32", bits: 32 }],
  [T.UINT64, { name: "uint64", bits: 64 }],
  [T.COMPLEX64, { name: "complex64", bits: 64 }],
  [T.COMPLEX128, { name: "complex128", bits: 128 }],
  [T.BFLOAT16, { name: "bfloat16", bits: 16 }],
  [T.FLOAT8E4M3FN, { name: "float8e4m3fn", bits: 8 }],
  [T.FLOAT8E4M3FNUZ, { name: "float8e4m3fnuz", bits: 8 }],
  [T.FLOAT8E5M2, { name: "float8e5m2", bits: 8 }],
  [T.FLOAT8E5M2FNUZ, { name: "float8e5m2fnuz", bits: 8 }],
  [T.UINT4, { name: "uint4", bits: 4 }],
  [T.INT4, { name: "int4", bits: 4 }],
  [T.FLOAT4E2M1, { name: "float4e2m1", bits: 4 }],
  [T.FLOAT8E8M0, { name: "float8e8m0", bits: 8 }],
  [T.UINT2, { name: "uint2", bits: 2 }],
  [T.INT2, { name: "int2", bits: 2 }],
]);

/** Undefined for strings, and for types that ONNX did not have when this was written. */
export const elementType = (dataType: number): ElementType | undefined => ELEMENT_TYPES.get(dataType);

/** Bytes that `count` elements take. */
export const packedBytes = (count: number, { bits }: ElementType): number => Math.ceil((count * bits) / 8);
