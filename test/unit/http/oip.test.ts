import { describe, expect, test } from "vitest";
import type { NamedTensors, TensorSpec } from "../../../runtime/tensor/tensor.ts";
import { readInferRequest } from "../../../services/http/oip/read-request.ts";
import { type InferResponse, writeInferResponse } from "../../../services/http/oip/write-response.ts";

const IMAGE: TensorSpec = { name: "image", dtype: "float32", dims: [-1, 2, 2] };
const MASK: TensorSpec = { name: "mask", dtype: "uint8", dims: [4] };
const specs = { inputs: [IMAGE, MASK], outputs: [{ name: "y", dtype: "float32", dims: [-1] } as TensorSpec] };

const whole = ({ jsonLength, parts }: InferResponse) => ({ body: Buffer.concat(parts), jsonLength });
const json = (value: object) => Buffer.from(JSON.stringify(value));
const image = { name: "image", shape: [1, 2, 2], datatype: "FP32", data: [1, 2, 3, 4.5] };
const mask = { name: "mask", shape: [4], datatype: "UINT8", data: [0, 255, 1, 2] };
const refused = (message: RegExp) =>
  expect.objectContaining({ code: "ERR_HTTP_REQUEST", message: expect.stringMatching(message) });

describe("a request", () => {
  test("has its tensors in JSON, flat or nested", () => {
    const nested = {
      ...image,
      data: [
        [
          [1, 2],
          [3, 4.5],
        ],
      ],
    };
    for (const first of [image, nested]) {
      const { feeds, id, outputs } = readInferRequest(
        json({ id: "7", inputs: [mask, first] }),
        undefined,
        specs,
      );
      expect(id).toBe("7");
      expect(feeds.image).toEqual({ dtype: "float32", dims: [1, 2, 2], data: Float32Array.of(1, 2, 3, 4.5) });
      expect(feeds.mask?.data).toEqual(Uint8Array.of(0, 255, 1, 2));
      expect(outputs).toEqual([{ name: "y", isBinary: false }]);
    }
  });

  test("or in bytes behind it, wherever these begin", () => {
    const values = Float32Array.of(1, 2, 3, 4.5);
    const head = json({
      inputs: [
        { ...image, data: undefined, parameters: { binary_data_size: 16 } },
        { ...mask, data: undefined, parameters: { binary_data_size: 4 } },
      ],
      parameters: { binary_data_output: true },
    });
    for (const padding of [0, 1, 2, 3]) {
      const text = Buffer.concat([head, Buffer.from(" ".repeat(padding))]);
      const body = Buffer.concat([text, Buffer.from(values.buffer), Buffer.of(9, 8, 7, 6)]);
      const { feeds, outputs } = readInferRequest(body, String(text.length), specs);
      expect(feeds.image?.data).toEqual(values);
      expect(feeds.mask?.data).toEqual(Uint8Array.of(9, 8, 7, 6));
      expect(outputs).toEqual([{ name: "y", isBinary: true }]);
    }
  });

  test("or is its only input", () => {
    const values = Float32Array.of(1, 2, 3, 4);
    const { feeds } = readInferRequest(Buffer.from(values.buffer), "0", { ...specs, inputs: [IMAGE] });
    expect(feeds.image).toEqual({ dtype: "float32", dims: [1, 2, 2], data: values });
    expect(() => readInferRequest(Buffer.alloc(15), "0", { ...specs, inputs: [IMAGE] })).toThrow(
      /16 bytes, not 15/,
    );
  });

  test.each<[string, object, RegExp]>([
    ["no inputs", {}, /inputs must be a list/],
    ["one missing", { inputs: [image] }, /"mask" is missing/],
    ["one twice", { inputs: [image, image, mask] }, /each once/],
    ["a strange one", { inputs: [{ ...image, name: "toString" }] }, /inputs must be "image", "mask"/],
    ["a wrong datatype", { inputs: [{ ...image, datatype: "FP64" }, mask] }, /datatype FP32, not "FP64"/],
    [
      "a wrong shape",
      { inputs: [{ ...image, shape: [1, 2, 3] }, mask] },
      /shape \[-1, 2, 2\], not \[1,2,3\]/,
    ],
    ["a huge shape", { inputs: [{ ...image, shape: [2 ** 52, 2, 2] }, mask] }, /shape/],
    ["a fraction of a shape", { inputs: [{ ...image, shape: [0.5, 2, 2] }, mask] }, /shape/],
    ["a large shape with little data", { inputs: [{ ...image, shape: [2 ** 40, 2, 2] }, mask] }, /elements/],
    ["too many elements", { inputs: [{ ...image, data: [1, 2, 3, 4, 5] }, mask] }, /4 elements/],
    ["a text among the numbers", { inputs: [{ ...image, data: [1, 2, 3, "4"] }, mask] }, /has "4"/],
    ["a number out of range", { inputs: [image, { ...mask, data: [0, 256, 1, 2] }] }, /has 256/],
    [
      "no bytes behind",
      { inputs: [{ ...image, parameters: { binary_data_size: 16 } }, mask] },
      /fewer follow/,
    ],
    [
      "another size",
      { inputs: [{ ...image, parameters: { binary_data_size: 12 } }, mask] },
      /16 bytes.*not 12/,
    ],
    ["an output that is none", { inputs: [image, mask], outputs: [{ name: "z" }] }, /outputs must be "y"/],
    ["parameters that are none", { inputs: [image, mask], parameters: 7 }, /parameters/],
  ])("with %s is refused", (_, body, message) => {
    expect(() => readInferRequest(json(body), undefined, specs)).toThrow(refused(message));
  });

  test.each([
    ["no JSON", Buffer.from("{"), undefined],
    ["no UTF-8", Buffer.of(0xff), undefined],
    ["a list", Buffer.from("[]"), undefined],
    ["a length beyond the body", json({}), "3"],
    ["a length that is none", json({}), "-1"],
    ["a raw body for two inputs", Buffer.alloc(16), "0"],
    [
      "bytes that nobody asked for",
      Buffer.concat([json({ inputs: [image, mask] }), Buffer.of(1)]),
      undefined,
    ],
  ])("of %s is refused", (_, body, length) => {
    expect(() => readInferRequest(body, length, specs)).toThrow(refused(/./));
  });
});

describe("an answer", () => {
  const made: NamedTensors = {
    y: { dtype: "float32", dims: [2], data: Float32Array.of(0.5, -1) },
    n: { dtype: "int64", dims: [1], data: BigInt64Array.of(7n) },
    h: { dtype: "float16", dims: [1], data: Uint16Array.of(0x3c00) },
  };
  const asked = (outputs: { name: string; isBinary: boolean }[]) =>
    whole(writeInferResponse({ name: "m", version: "1.0.0" }, { id: "a", feeds: {}, outputs }, made));

  test("in JSON", () => {
    const { body, jsonLength } = asked([
      { name: "y", isBinary: false },
      { name: "n", isBinary: false },
    ]);
    expect(jsonLength).toBeUndefined();
    expect(JSON.parse(body.toString())).toEqual({
      model_name: "m",
      model_version: "1.0.0",
      id: "a",
      outputs: [
        { name: "y", datatype: "FP32", shape: [2], data: [0.5, -1] },
        { name: "n", datatype: "INT64", shape: [1], data: [7] },
      ],
    });
  });

  test("in bytes behind it, in the order of the JSON", () => {
    const { body, jsonLength } = asked([
      { name: "h", isBinary: true },
      { name: "y", isBinary: true },
    ]);
    const { outputs } = JSON.parse(body.subarray(0, jsonLength).toString());
    expect(outputs).toEqual([
      { name: "h", datatype: "FP16", shape: [1], parameters: { binary_data_size: 2 } },
      { name: "y", datatype: "FP32", shape: [2], parameters: { binary_data_size: 8 } },
    ]);
    expect(body.subarray(jsonLength)).toEqual(
      Buffer.concat([Buffer.of(0, 0x3c), Buffer.from(Float32Array.of(0.5, -1).buffer)]),
    );
  });

  test("not of half floats in JSON, which has none", () => {
    expect(() => asked([{ name: "h", isBinary: false }])).toThrow(refused(/only be sent as binary data/));
  });
});
