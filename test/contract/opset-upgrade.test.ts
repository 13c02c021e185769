import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { afterAll, describe, expect, test } from "vitest";
import { type AttributeValue, makeAttribute } from "../../models/onnx/attributes.ts";
import { checkModel } from "../../models/onnx/check-model.ts";
import { copyModel } from "../../models/onnx/copy-model.ts";
import { makeNode } from "../../models/onnx/graph.ts";
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from "../../models/onnx/proto/onnx_pb.js";
import { parseModel, readModel } from "../../models/onnx/read-model.ts";
import { DataType, floatTensor, int64Tensor, tensor } from "../../models/onnx/tensor.ts";
import { encodeModel } from "../../models/onnx/write-model.ts";
import type { LoadOptions } from "../../runtime/session/execution-provider.ts";
import { floats, type NamedTensors, type TensorSpec } from "../../runtime/tensor/tensor.ts";
import { sqnrDb } from "../../toolchain/quantize/compare.ts";
import { upgradeOpset } from "../../toolchain/upgrade/upgrade-opset.ts";
import { bytesOf, MODELS, randomFeeds, startProvider } from "../support/models.ts";
import { REAL_MODELS } from "../support/real-models.ts";
import { tinyModel, value } from "../support/tiny-model.ts";

const SEED = 20_261_126;
const provider = startProvider(1);
afterAll(() => provider.close());

async function run(model: ModelProto, options: LoadOptions, fix = (spec: TensorSpec) => spec) {
  const session = await provider.load(encodeModel(model), options);
  const results = await session.run(0, randomFeeds(session.inputs.map(fix), SEED, 2));
  await session.unload();
  return results;
}

/** Digests: a difference between megabytes takes minutes to print. */
const digests = (results: NamedTensors): Record<string, string> =>
  Object.fromEntries(
    Object.entries(results).map(([name, result]) => [
      name,
      `${result.dims.join("×")} ${createHash("sha256").update(bytesOf(result)).digest("hex")}`,
    ]),
  );

function expectNear(given: NamedTensors, wanted: NamedTensors): void {
  for (const [name, result] of Object.entries(wanted))
    expect(sqnrDb(floats(result, name), floats(given[name], name))).toBeGreaterThan(120);
}

/** From 17 on ONNX Runtime makes one LayerNormalization of PP-OCR's ten operators, which rounds otherwise. */
const FUSED = new Set([`${REAL_MODELS.ocrRecognition} 21`]);

describe.each(Object.entries({ ...MODELS, ...REAL_MODELS }))(
  `%s gives the same (seed ${SEED})`,
  (_, path) => {
    /** Pictures of a text line where the model leaves the size open. */
    const picture = (spec: TensorSpec): TensorSpec =>
      spec.dims.length === 4
        ? { ...spec, dims: spec.dims.map((d, i) => (d === -1 ? ([1, 3, 64, 192][i] ?? 1) : d)) }
        : spec;

    test.each([13, 21])("at opset %i", async (to) => {
      const [old, upgraded] = [await readModel(path), await readModel(path)];
      upgradeOpset(upgraded, to);
      checkModel(upgraded);
      const [wanted, given] = [await run(old, {}, picture), await run(upgraded, {}, picture)];
      if (FUSED.has(`${path} ${to}`)) expectNear(given, wanted);
      else expect(digests(given)).toEqual(digests(wanted));
    });
  },
);

interface Case {
  name: string;
  opset: number;
  /** Shape of the input x. */
  x: number[];
  opType: string;
  attributes?: Record<string, AttributeValue>;
  inputs?: string[];
  outputs?: string[];
  /** Outputs of the node that are none of the model. */
  unread?: string[];
  constants?: TensorProto[];
  xType?: number;
  outputTypes?: number[];
  /** Its new kernel adds in another order. */
  isRounded?: boolean;
}

const list = (name: string, ...values: number[]) =>
  floatTensor(name, [values.length], Float32Array.from(values));

const CASES: Case[] = [
  {
    name: "Clip with both limits",
    opset: 7,
    x: [2, 3],
    opType: "Clip",
    attributes: { min: { float: 0.2 }, max: { float: 0.6 } },
  },
  { name: "Clip with one", opset: 10, x: [2, 3], opType: "Clip", attributes: { max: { float: 0.6 } } },
  {
    name: "Clip of halves",
    opset: 7,
    x: [2, 3],
    xType: DataType.FLOAT16,
    outputTypes: [DataType.FLOAT16],
    opType: "Clip",
    attributes: { min: { float: 0.6 }, max: { float: 0.7 } },
  },
  { name: "Slice", opset: 9, x: [2, 6], opType: "Slice", attributes: { starts: [1], ends: [-1], axes: [1] } },
  {
    name: "Slice of the first axes",
    opset: 7,
    x: [2, 6],
    opType: "Slice",
    attributes: { starts: [0, 2], ends: [1, 5] },
  },
  {
    name: "Pad",
    opset: 10,
    x: [2, 3],
    opType: "Pad",
    attributes: { pads: [0, 1, 1, 2], value: { float: 0.5 } },
  },
  {
    name: "Pad by reflection",
    opset: 10,
    x: [2, 3],
    opType: "Pad",
    attributes: { pads: [0, 1, 1, 2], mode: "reflect" },
  },
  { name: "Squeeze", opset: 11, x: [2, 1, 3], opType: "Squeeze", attributes: { axes: [1] } },
  { name: "Squeeze of all", opset: 11, x: [1, 3, 1], opType: "Squeeze" },
  { name: "Unsqueeze", opset: 9, x: [2, 3], opType: "Unsqueeze", attributes: { axes: [0, 3] } },
  { name: "ReduceSum", opset: 12, x: [2, 3], opType: "ReduceSum", attributes: { axes: [-1], keepdims: 0 } },
  { name: "ReduceMean", opset: 13, x: [2, 3, 4], opType: "ReduceMean", attributes: { axes: [1, 2] } },
  { name: "ReduceMax of all", opset: 11, x: [2, 3], opType: "ReduceMax", attributes: { keepdims: 0 } },
  {
    name: "Split into sizes",
    opset: 11,
    x: [2, 5],
    opType: "Split",
    attributes: { axis: 1, split: [2, 3] },
    outputs: ["y", "z"],
  },
  {
    name: "Split into equal parts",
    opset: 11,
    x: [2, 6],
    opType: "Split",
    attributes: { axis: 1 },
    outputs: ["y", "z"],
  },
  { name: "Dropout", opset: 7, x: [2, 3], opType: "Dropout", attributes: { ratio: { float: 0.4 } } },
  {
    name: "Dropout with a mask that nobody reads",
    opset: 10,
    x: [2, 3],
    opType: "Dropout",
    outputs: ["y", "mask"],
    unread: ["mask"],
  },
  {
    name: "BatchNormalization",
    opset: 7,
    x: [2, 2, 3],
    opType: "BatchNormalization",
    attributes: { spatial: 1 },
    inputs: ["x", "s", "b", "m", "v"],
    constants: [list("s", 2, 3), list("b", 1, -1), list("m", 0.1, 0.2), list("v", 1, 2)],
  },
  {
    name: "TopK",
    opset: 9,
    x: [2, 5],
    opType: "TopK",
    attributes: { k: 2 },
    outputs: ["y", "z"],
    outputTypes: [DataType.FLOAT, DataType.INT64],
  },
  { name: "Softmax of all axes but one", opset: 11, x: [2, 3, 4], opType: "Softmax" },
  { name: "Softmax of a batch", opset: 9, x: [-1, 3, 4, 2], opType: "Softmax", attributes: { axis: 2 } },
  { name: "Softmax of everything", opset: 7, x: [2, 3], opType: "Softmax", attributes: { axis: 0 } },
  { name: "Softmax of the last axis", opset: 12, x: [2, 3, 4], opType: "Softmax", attributes: { axis: -1 } },
  { name: "LogSoftmax", opset: 11, x: [2, 3, 4], opType: "LogSoftmax", attributes: { axis: 1 } },
  { name: "Hardmax", opset: 11, x: [2, 3, 4], opType: "Hardmax" },
  {
    name: "Upsample to the nearest",
    opset: 9,
    x: [1, 1, 3, 4],
    opType: "Upsample",
    inputs: ["x", "s"],
    constants: [list("s", 1, 1, 2, 1.5)],
  },
  {
    name: "Upsample, linear",
    opset: 9,
    x: [1, 1, 3, 4],
    opType: "Upsample",
    attributes: { mode: "linear" },
    inputs: ["x", "s"],
    constants: [list("s", 1, 1, 2, 2)],
  },
  {
    name: "Resize to the nearest, larger",
    opset: 10,
    x: [1, 1, 3, 4],
    opType: "Resize",
    inputs: ["x", "s"],
    constants: [list("s", 1, 1, 1.7, 2.2)],
  },
  {
    name: "Resize to the nearest, smaller",
    opset: 10,
    x: [1, 1, 7, 9],
    opType: "Resize",
    inputs: ["x", "s"],
    constants: [list("s", 1, 1, 0.6, 0.7)],
  },
  {
    name: "Resize, linear",
    opset: 10,
    x: [1, 1, 7, 9],
    opType: "Resize",
    attributes: { mode: "linear" },
    inputs: ["x", "s"],
    constants: [list("s", 1, 1, 0.6, 1.7)],
  },
  {
    name: "Resize to a size",
    opset: 11,
    x: [1, 1, 3, 4],
    opType: "Resize",
    inputs: ["x", "none", "none", "size"],
    constants: [list("none"), int64Tensor("size", [1, 1, 5, 7])],
  },
  {
    name: "GridSample",
    opset: 16,
    x: [1, 1, 3, 4],
    opType: "GridSample",
    inputs: ["x", "grid"],
    attributes: { mode: "bicubic" },
    constants: [floatTensor("grid", [1, 1, 2, 2], Float32Array.of(-0.5, 0.3, 0.2, 0.9))],
  },
  {
    name: "RoiAlign",
    opset: 10,
    x: [1, 1, 6, 6],
    opType: "RoiAlign",
    inputs: ["x", "boxes", "batch"],
    attributes: { output_height: 2, output_width: 2 },
    constants: [floatTensor("boxes", [1, 4], Float32Array.of(0.5, 1, 4, 5)), int64Tensor("batch", [0])],
  },
  { name: "DFT", opset: 17, x: [1, 4, 2], opType: "DFT" },
  {
    name: "Scatter",
    opset: 9,
    x: [1, 4],
    opType: "Scatter",
    inputs: ["x", "at", "new"],
    attributes: { axis: 1 },
    constants: [
      tensor("at", DataType.INT64, [1, 1], BigInt64Array.of(2n)),
      floatTensor("new", [1, 1], Float32Array.of(9)),
    ],
  },
  {
    name: "AveragePool beyond the edge",
    isRounded: true,
    opset: 10,
    x: [1, 1, 5, 5],
    opType: "AveragePool",
    attributes: { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 },
  },
  { name: "MaxPool", opset: 7, x: [1, 1, 5, 5], opType: "MaxPool", attributes: { kernel_shape: [2, 2] } },
  {
    name: "ConvTranspose",
    opset: 9,
    x: [1, 1, 3, 3],
    opType: "ConvTranspose",
    inputs: ["x", "w"],
    attributes: { strides: [2, 2] },
    constants: [floatTensor("w", [1, 1, 2, 2], Float32Array.of(1, 2, 3, 4))],
  },
];

function modelOf({
  opset,
  x,
  xType,
  opType,
  attributes,
  inputs = ["x"],
  outputs = ["y"],
  constants,
  outputTypes,
  unread = [],
}: Case) {
  const node = makeNode(opType, { name: "node", inputs, outputs }, attributes);
  const results = outputs
    .filter((name) => !unread.includes(name))
    .map((name, i) => value(name, undefined, outputTypes?.[i]));
  return tinyModel({
    opset,
    inputs: [value("x", x, xType)],
    nodes: [node],
    outputs: results,
    initializers: constants,
  });
}

describe(`an operator means the same (seed ${SEED})`, () => {
  test.each(CASES)("$name of opset $opset", async (given) => {
    const wanted = await run(modelOf(given), { optimization: "none" });
    for (const to of [13, 21].filter((version) => version > given.opset)) {
      const model = modelOf(given);
      upgradeOpset(model, to);
      const results = await run(parseModel(encodeModel(model)), { optimization: "none" });
      if (given.isRounded) expectNear(results, wanted);
      else expect(digests(results)).toEqual(digests(wanted));
    }
  });

  test("Upsample with its scales in an attribute, of opset 7", async () => {
    const scales = create(AttributeProtoSchema, {
      name: "scales",
      type: AttributeProto_AttributeType.FLOATS,
      floats: [1, 1, 2, 3],
    });
    const make = () => modelOf({ name: "", opset: 7, x: [1, 1, 2, 2], opType: "Upsample" });
    const [old, upgraded] = [make(), make()];
    for (const model of [old, upgraded]) model.graph?.node[0]?.attribute.push(scales);
    upgradeOpset(upgraded, 21);
    expect(digests(await run(upgraded, {}))).toEqual(digests(await run(old, {})));
  });

  test("inside the branches of an If", async () => {
    const old = branches();
    const upgraded = copyModel(old);
    upgradeOpset(upgraded, 21);
    expect(encodeModel(old)).toEqual(encodeModel(branches()));
    checkModel(upgraded);
    expect(digests(await run(upgraded, {}))).toEqual(digests(await run(old, {})));
  });
});

/** y = flag ? clip(x) : softmax(x), in the old meanings of both. */
function branches(): ModelProto {
  const branch = (name: string, node: NodeProto) => {
    const g = create(GraphProtoSchema, { name, node: [node], output: [value(`${name}_y`)] });
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.GRAPH, g });
  };
  const clip = makeNode(
    "Clip",
    { name: "clip", inputs: ["x"], outputs: ["then_branch_y"] },
    { max: { float: 0.5 } },
  );
  const softmax = makeNode("Softmax", { name: "softmax", inputs: ["x"], outputs: ["else_branch_y"] });
  const flag = makeNode("Constant", { name: "flag", inputs: [], outputs: ["flag"] });
  const isTrue = makeAttribute("value", 0);
  Object.assign(isTrue, {
    type: AttributeProto_AttributeType.TENSOR,
    t: tensor("", DataType.BOOL, [], Uint8Array.of(0)),
  });
  flag.attribute.push(isTrue);
  const choice = makeNode("If", { name: "if", inputs: ["flag"], outputs: ["y"] });
  choice.attribute.push(branch("then_branch", clip), branch("else_branch", softmax));
  return tinyModel({
    opset: 10,
    inputs: [value("x", [2, 3, 4])],
    nodes: [flag, choice],
    outputs: [value("y")],
  });
}
