import { describe, expect, test } from "vitest";
import type { AttributeValue } from "../../../models/onnx/attributes.ts";
import { makeNode } from "../../../models/onnx/graph.ts";
import type { ModelProto } from "../../../models/onnx/proto/onnx_pb.js";
import { DataType, floatsOf, floatTensor, tensor } from "../../../models/onnx/tensor.ts";
import { encodeModel } from "../../../models/onnx/write-model.ts";
import { floatToHalf } from "../../../toolchain/upgrade/half.ts";
import { upgradeOpset } from "../../../toolchain/upgrade/upgrade-opset.ts";
import { tinyModel, value } from "../../support/tiny-model.ts";

const refusal = (text: RegExp) =>
  expect.objectContaining({
    name: "SightlineError",
    code: "ERR_ONNX_OPSET",
    message: expect.stringMatching(text),
  });

const nodeModel = (
  opType: string,
  opset: number,
  attributes: Record<string, AttributeValue> = {},
  io: { inputs?: string[]; outputs?: string[] } = {},
): ModelProto =>
  tinyModel({
    opset,
    inputs: ["x", ...(io.inputs ?? [])].map((name) => value(name, [2, 3])),
    nodes: [
      makeNode("Clip", { name: "clip", inputs: ["x"], outputs: ["c"] }, { min: { float: 0 } }),
      makeNode(
        opType,
        { name: "odd", inputs: ["c", ...(io.inputs ?? [])], outputs: io.outputs ?? ["y"] },
        attributes,
      ),
    ],
    outputs: (io.outputs ?? ["y"]).map((name) => value(name)),
  });

describe("what a newer opset cannot say is refused, and the model stays as it was", () => {
  test.each<[ModelProto, RegExp]>([
    [nodeModel("Wobble", 10), /Wobble "odd" of opset 10 .* opset 21: the operator is not supported/],
    [nodeModel("Swish", 10), /Swish .* not supported/],
    [nodeModel("Scan", 8), /Scan "odd" of opset 8/],
    [nodeModel("Dropout", 7, {}, { outputs: ["y", "mask"] }), /Dropout .* mask/],
    [nodeModel("BatchNormalization", 8, { spatial: 0 }), /BatchNormalization/],
    [nodeModel("BatchNormalization", 9, {}, { outputs: ["y", "mean"] }), /training/],
    [nodeModel("AveragePool", 11, { ceil_mode: 1, count_include_pad: 1 }), /AveragePool/],
    [nodeModel("ConvTranspose", 10, { auto_pad: "SAME_UPPER" }), /ConvTranspose/],
    [nodeModel("GroupNormalization", 18), /GroupNormalization/],
    [nodeModel("Resize", 10, {}, { inputs: ["scales"] }), /Resize .* enlarges or reduces/],
    [
      nodeModel("Resize", 11, { coordinate_transformation_mode: "tf_half_pixel_for_nn" }),
      /tf_half_pixel_for_nn/,
    ],
  ])("case %#", (model, message) => {
    const before = encodeModel(model);
    expect(() => upgradeOpset(model, 21)).toThrow(refusal(message));
    expect(encodeModel(model)).toEqual(before);
  });

  test("a scale that grows one axis and shrinks another", () => {
    const model = nodeModel("Resize", 10, {}, { inputs: ["scales"] });
    model.graph?.initializer.push(floatTensor("scales", [2], Float32Array.of(2, 0.5)));
    expect(() => upgradeOpset(model, 13)).toThrow(refusal(/Resize/));
  });

  test("an opset beyond the table", () => {
    expect(() => upgradeOpset(nodeModel("Relu", 11), 22)).toThrow(refusal(/opset 22/));
  });
});

test("a model that is there already, or beyond, is left alone", () => {
  for (const opset of [13, 17, 26]) {
    const model = nodeModel("Wobble", opset);
    const before = encodeModel(model);
    upgradeOpset(model, 13);
    expect(encodeModel(model)).toEqual(before);
  }
});

test("operators of other domains stay", () => {
  const model = nodeModel("Relu", 11);
  model.graph?.node.push(
    makeNode("Wobble", { name: "w", inputs: ["c"], outputs: ["w"], domain: "com.example" }),
  );
  upgradeOpset(model, 21);
  expect(model.graph?.node.at(-1)?.opType).toBe("Wobble");
});

test("initializers that an old model lists among its inputs become constants", () => {
  const model = nodeModel("Add", 8, {}, { inputs: ["w"] });
  model.irVersion = 3n;
  model.graph?.initializer.push(floatTensor("w", [2, 3], new Float32Array(6)));
  upgradeOpset(model, 21);
  expect(model.graph?.input.map(({ name }) => name)).toEqual(["x"]);
  expect(model.irVersion).toBe(10n);
});

test("a default that a caller may override stays an input", () => {
  const model = nodeModel("Add", 11, {}, { inputs: ["w"] });
  model.graph?.initializer.push(floatTensor("w", [2, 3], new Float32Array(6)));
  upgradeOpset(model, 21);
  expect(model.graph?.input.map(({ name }) => name)).toEqual(["x", "w"]);
});

test("names that are taken are not given again", () => {
  const model = nodeModel("Relu", 10, {}, { inputs: ["c_min"] });
  upgradeOpset(model, 13);
  expect(model.graph?.initializer.map(({ name }) => name)).toEqual(["c_min_2"]);
});

describe("softmax stays one node where its axis is the last", () => {
  const ops = (model: ModelProto) => model.graph?.node.map(({ opType }) => opType);

  test("as the producers say", () => {
    const model = nodeModel("Softmax", 10);
    upgradeOpset(model, 13);
    expect(ops(model)).toEqual(["Clip", "Softmax"]);
  });

  test("and is flattened where that is not known", () => {
    const model = nodeModel("Softmax", 10);
    for (const input of model.graph?.input ?? []) input.type = value("x").type;
    upgradeOpset(model, 13);
    expect(ops(model)).toEqual(["Clip", "Shape", "Flatten", "Softmax", "Reshape"]);
  });
});

test("a chain of 20,000 nodes does not exhaust the stack", () => {
  const length = 20_000;
  const nodes = Array.from({ length }, (_, i) =>
    makeNode("Relu", { name: `r${i}`, inputs: [i === 0 ? "x" : `t${i - 1}`], outputs: [`t${i}`] }),
  );
  nodes.push(
    makeNode("Clip", { name: "c", inputs: [`t${length - 1}`], outputs: ["c"] }, { min: { float: 0 } }),
  );
  nodes.push(makeNode("Softmax", { name: "s", inputs: ["c"], outputs: ["y"] }));
  const model = tinyModel({ opset: 10, inputs: [value("x", [2, 3])], nodes, outputs: [value("y")] });
  upgradeOpset(model, 21);
  expect(model.graph?.node.at(-1)?.opType).toBe("Reshape");
});

test("halves are the nearest ones", () => {
  const numbers = [
    0,
    1,
    -1,
    6,
    0.1,
    65504,
    -65519,
    65520,
    2 ** -24,
    2 ** -25,
    3 * 2 ** -26,
    1 + 2 ** -11,
    1 + 3 * 2 ** -11,
  ];
  const bits = Uint16Array.from(numbers, floatToHalf);
  const halves = floatsOf(tensor("h", DataType.FLOAT16, [bits.length], bits));
  expect([...halves]).toEqual(Array.from(new Float16Array(numbers), Number));
});
