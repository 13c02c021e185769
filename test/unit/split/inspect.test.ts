import { describe, expect, it } from "vitest";
import { setAttribute } from "../../../models/onnx/attributes.ts";
import { Graph } from "../../../models/onnx/graph.ts";
import { DataType, floatTensor, tensor } from "../../../models/onnx/tensor.ts";
import { randomFeeds } from "../../../runtime/tensor/random-feeds.ts";
import { ARRAY_OF, type DType } from "../../../runtime/tensor/tensor.ts";
import { inspectModel } from "../../../toolchain/split/inspect.ts";
import { layersOf } from "../../../toolchain/split/layers.ts";
import type { MeasuredTensor, Shapes } from "../../../toolchain/split/shapes.ts";
import { node, smallModel } from "../onnx/small-model.ts";

const weights = (name: string, ...dims: number[]) =>
  floatTensor(name, dims, new Float32Array(dims.reduce((a, b) => a * b, 1)));

it("counts operators and parameters, and says what can run on codes", () => {
  const nodes = [node("MatMul", ["x", "w"], "a"), node("MatMul", ["a", "a"], "b"), node("Relu", ["b"], "y")];
  const codes = tensor("c", DataType.UINT4, [3], new Uint8Array(2));
  const found = inspectModel(smallModel({ nodes, initializers: [weights("w", 2, 3), codes] }));
  expect(found).toMatchObject({
    irVersion: 8,
    opsets: [{ domain: "", version: 17 }],
    parameters: 9,
    weightBytes: 26,
  });
  expect(found.inputs).toEqual([{ name: "x", dtype: "float", dims: ["?"] }]);
  expect(found.operators).toEqual([
    { operator: "MatMul", count: 2, int8: 1, floatBecause: "no constant float weights" },
    { operator: "Relu", count: 1, int8: 0, floatBecause: "fused into the operator before it" },
  ]);
});

it("counts multiplications as the papers do", () => {
  const gemm = node("Gemm", ["f", "g"], "y");
  setAttribute(gemm, "transA", 1);
  const nodes = [
    node("Conv", ["x", "w"], "a"),
    node("ConvTranspose", ["a", "v"], "b"),
    node("MatMul", ["b", "m"], "f"),
    gemm,
  ];
  const initializers = [
    weights("w", 8, 3, 3, 3),
    weights("v", 8, 2, 2, 2),
    weights("m", 32, 5),
    weights("g", 4, 6),
  ];
  const dims: Record<string, number[]> = {
    x: [1, 3, 16, 16],
    a: [1, 8, 16, 16],
    b: [1, 2, 32, 32],
    f: [4, 5],
    y: [5, 6],
  };
  const shapes: Shapes = new Map(
    Object.entries(dims).map(([name, each]) => [name, { dims: each } as unknown as MeasuredTensor]),
  );
  const layers = layersOf(new Graph(smallModel({ nodes, initializers })), shapes);
  expect(layers.map(({ macs }) => macs)).toEqual([
    8 * 16 * 16 * 3 * 3 * 3,
    8 * 16 * 16 * 2 * 2 * 2,
    4 * 5 * 32,
    5 * 6 * 4,
  ]);
});

describe("randomFeeds", () => {
  it.each(Object.keys(ARRAY_OF) as DType[])("fills %s the same for the same seed", (dtype) => {
    const specs = [{ name: "x", dtype, dims: [-1, 3] }];
    const feed = (seed: number) => randomFeeds(specs, { x: [200, 3] }, seed).x;
    expect(feed(1)).toEqual(feed(1));
    expect(feed(1)).not.toEqual(feed(2));
    expect(new Set(feed(1)?.data as Iterable<number | bigint>).size).toBeGreaterThan(1);
  });

  it("sets open dimensions to 1, and refuses shapes that do not fit", () => {
    const specs = [{ name: "x", dtype: "float32", dims: [-1, 3] }] as const;
    expect(randomFeeds(specs, {}, 1).x?.dims).toEqual([1, 3]);
    const refused = (message: string) => expect.objectContaining({ code: "ERR_MODEL_IO", message });
    expect(() => randomFeeds(specs, { x: [1, 4] }, 1)).toThrow(
      refused('input "x" has the shape ?x3, not 1x4'),
    );
    expect(() => randomFeeds(specs, { z: [1] }, 1)).toThrow(
      refused('there is no input "z"; the model has "x"'),
    );
  });
});
