import { afterAll, describe, expect, test } from "vitest";
import { makeNode } from "../../models/onnx/graph.ts";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { floatTensor } from "../../models/onnx/tensor.ts";
import type { NamedTensors } from "../../runtime/tensor/tensor.ts";
import { Reference } from "../../toolchain/quantize/agreement.ts";
import { startProvider } from "../support/models.ts";
import { tinyModel, value } from "../support/tiny-model.ts";

const provider = startProvider(2);
afterAll(() => provider.close());

/** y = relu(x) + each of `offsets`. */
const model = (dims: number[], offsets: number[]): ModelProto =>
  tinyModel({
    opset: 13,
    inputs: [value("x", dims)],
    outputs: [value("y")],
    nodes: [
      makeNode("Relu", { name: "r", inputs: ["x"], outputs: ["a"] }),
      makeNode("Add", { name: "s", inputs: ["a", "o"], outputs: ["y"] }),
    ],
    initializers: [floatTensor("o", [offsets.length], Float32Array.from(offsets))],
  });

const input = (dims: number[], values: number[]): NamedTensors => ({
  x: { dtype: "float32", dims, data: Float32Array.from(values) },
});

describe("Reference", () => {
  const dims = [1, 4];
  const inputs = [
    [3, 4, 0, 0],
    [0, 0, 30, 40],
    [9, 0, 0, 1],
    [1, 1, 1, 2],
  ].map((values) => input(dims, values));

  test("means over the inputs, keeps the worst, and counts where the largest stays", async () => {
    const reference = await Reference.of(provider, model(dims, [0]), inputs);
    const { outputs, sqnrDb } = await reference.compare(model(dims, [0, 0, 0.5, 0]));
    // 5 against 0.5 is 20 dB, 50 is 40 dB, √82 is 25.16 dB, √7 is 14.47 dB.
    expect(sqnrDb).toBeCloseTo((20 + 40 + 25.16 + 14.47) / 4, 2);
    expect(outputs.y?.sqnrDbMin).toBeCloseTo(14.47, 2);
    expect(outputs.y?.top1).toBe(1);
    expect((await reference.compare(model(dims, [0, 0, 6, 0]))).outputs.y?.top1).toBe(0.5);
  });

  test("equal outputs are at 120 dB, however many inputs and slots", async () => {
    const reference = await Reference.of(provider, model(dims, [0]), inputs);
    expect(await reference.compare(model(dims, [0]))).toEqual({
      sqnrDb: 120,
      outputs: { y: { sqnrDb: 120, sqnrDbMin: 120, top1: 1 } },
    });
  });

  test("an input for which nothing comes out does not decide alone", async () => {
    const reference = await Reference.of(provider, model(dims, [0]), [
      ...inputs,
      input(dims, [-1, -1, -1, -1]),
    ]);
    const { sqnrDb } = await reference.compare(model(dims, [0, 0, 0.5, 0]));
    expect(sqnrDb).toBeCloseTo((20 + 40 + 25.16 + 14.47) / 5, 2);
  });

  test("has no top-1 for what is no list of scores", async () => {
    const side = [1, 2, 2];
    const reference = await Reference.of(provider, model(side, [0]), [input(side, [1, 2, 3, 4])]);
    expect((await reference.compare(model(side, [0]))).outputs.y?.top1).toBeUndefined();
  });
});
