import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { elementType, packedBytes } from "../../../models/onnx/element-types.ts";
import { TensorProtoSchema } from "../../../models/onnx/proto/onnx_pb.js";
import {
  bytesOf,
  DataType,
  elementCount,
  floatsOf,
  floatTensor,
  int64Tensor,
  integersOf,
  renamed,
  tensor,
} from "../../../models/onnx/tensor.ts";

const refused = (code: string, message: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

/** The same numbers as raw bytes and as ONNX's typed field for them. */
const INTEGERS = [
  ["UINT8", Uint8Array.of(0, 7, 255), { int32Data: [0, 7, 255] }],
  ["INT8", Int8Array.of(-128, -1, 127), { int32Data: [-128, -1, 127] }],
  ["UINT16", Uint16Array.of(0, 65_535), { int32Data: [0, 65_535] }],
  ["INT16", Int16Array.of(-32_768, 5), { int32Data: [-32_768, 5] }],
  ["INT32", Int32Array.of(-(2 ** 31), 9), { int32Data: [-(2 ** 31), 9] }],
  ["UINT32", Uint32Array.of(2 ** 32 - 1, 1), { uint64Data: [2n ** 32n - 1n, 1n] }],
  ["INT64", BigInt64Array.of(-5n, 2n ** 40n), { int64Data: [-5n, 2n ** 40n] }],
  ["UINT64", BigUint64Array.of(3n, 2n ** 50n), { uint64Data: [3n, 2n ** 50n] }],
  ["BOOL", Uint8Array.of(1, 0), { int32Data: [1, 0] }],
] as const;

describe("integers", () => {
  it.each(INTEGERS)("%s: raw bytes and typed field are the same numbers", (name, data, field) => {
    const numbers = Array.from<number | bigint, number>(data as Iterable<number | bigint>, Number);
    const dims = [BigInt(data.length)];
    const typed = create(TensorProtoSchema, { dataType: DataType[name], dims, ...fieldOf(field) });
    for (const each of [tensor("t", DataType[name], [data.length], data), typed]) {
      expect(integersOf(each)).toEqual(numbers);
      expect(Array.from(floatsOf(each))).toEqual(numbers.map(Math.fround));
    }
  });

  it("refuses what no number holds, and what is not whole", () => {
    const large = tensor("big", DataType.INT64, [1], BigInt64Array.of(2n ** 60n));
    expect(() => integersOf(large)).toThrow(refused("ERR_ONNX_TENSOR", "beyond 2^53"));
    const floats = floatTensor("f", [1], Float32Array.of(1));
    expect(() => integersOf(floats)).toThrow(refused("ERR_ONNX_TENSOR", "not a tensor of integers"));
  });
});

/** A copy with the lists that protobuf wants to own. */
const fieldOf = (field: object): object =>
  Object.fromEntries(Object.entries(field).map(([key, list]) => [key, [...list]]));

describe("floats", () => {
  const HALVES: [bits: number, value: number][] = [
    [0x3c00, 1],
    [0xc000, -2],
    [0x0001, 2 ** -24],
    [0x7bff, 65_504],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0x8000, -0],
  ];

  it("reads halves, subnormal and infinite among them, from bytes and from int32_data", () => {
    const bits = HALVES.map(([half]) => half);
    const values = HALVES.map(([, value]) => value);
    const raw = tensor("h", DataType.FLOAT16, [bits.length], Uint16Array.from(bits));
    const dims = [BigInt(bits.length)];
    const typed = create(TensorProtoSchema, { dataType: DataType.FLOAT16, dims, int32Data: bits });
    for (const each of [raw, typed]) expect(Array.from(floatsOf(each))).toEqual(values);
    const nan = tensor("n", DataType.FLOAT16, [1], Uint16Array.of(0x7e00));
    expect(floatsOf(nan)[0]).toBeNaN();
  });

  it("reads bfloat16, float and double", () => {
    const brain = tensor("b", DataType.BFLOAT16, [2], Uint16Array.of(0x3f80, 0xc040));
    expect(Array.from(floatsOf(brain))).toEqual([1, -3]);
    const double = create(TensorProtoSchema, { dataType: DataType.DOUBLE, dims: [1n], doubleData: [0.5] });
    expect(Array.from(floatsOf(double))).toEqual([0.5]);
    const float = create(TensorProtoSchema, { dataType: DataType.FLOAT, dims: [1n], floatData: [0.25] });
    expect(Array.from(floatsOf(float))).toEqual([0.25]);
  });

  it("copies memory that is not aligned, and only that", () => {
    const memory = new Uint8Array(12);
    new DataView(memory.buffer).setFloat32(1, 1.5, true);
    const crooked = tensor("c", DataType.FLOAT, [1], memory.subarray(1, 5));
    expect(Array.from(floatsOf(crooked))).toEqual([1.5]);
    const straight = floatTensor("s", [2], Float32Array.of(1, 2));
    expect(floatsOf(straight).buffer).toBe(straight.rawData.buffer);
  });
});

describe("packed and unknown elements", () => {
  it("packs two of 4 bits and four of 2 bits into a byte, the last one padded", () => {
    for (const [name, bytes] of [
      ["INT4", 2],
      ["UINT4", 2],
      ["INT2", 1],
      ["FLOAT4E2M1", 2],
    ] as const) {
      const type = elementType(DataType[name]);
      expect(type && packedBytes(3, type), name).toBe(bytes);
      const packed = tensor("p", DataType[name], [3], new Uint8Array(bytes));
      expect(bytesOf(packed)).toHaveLength(bytes);
      expect(() => bytesOf(tensor("p", DataType[name], [3], new Uint8Array(bytes + 1)))).toThrow(
        refused("ERR_ONNX_TENSOR", `has ${bytes + 1} bytes, its shape requires ${bytes}`),
      );
    }
  });

  it("knows the size of every type that ONNX numbers, but for strings and 6-bit floats", () => {
    const unknown = Object.entries(DataType).filter(
      ([, number]) => typeof number === "number" && elementType(number) === undefined,
    );
    expect(unknown.map(([name]) => name)).toEqual(["UNDEFINED", "STRING", "FLOAT6E2M3", "FLOAT6E3M2"]);
    const strings = create(TensorProtoSchema, { name: "s", dataType: DataType.STRING });
    expect(() => bytesOf(strings)).toThrow(refused("ERR_ONNX_TENSOR", "elements of type 8"));
  });

  it("refuses shapes that no memory holds, quickly", () => {
    const shapes = [[-1n], [2n ** 53n, 2n], new Array(1_000_000).fill(2n ** 62n)];
    for (const dims of shapes) {
      const error = refused("ERR_ONNX_GRAPH", 'tensor "t" has the shape');
      expect(() => elementCount({ name: "t", dims })).toThrow(error);
    }
    expect(elementCount({ name: "t", dims: [3n, 0n] })).toBe(0);
    expect(elementCount({ name: "scalar", dims: [] })).toBe(1);
  });
});

it("renames a tensor and makes lists without copying", () => {
  const list = int64Tensor("axes", [1, -1]);
  const other = renamed(list, "other");
  expect([other.name, integersOf(other)]).toEqual(["other", [1, -1]]);
  expect(other.rawData).toBe(list.rawData);
});
