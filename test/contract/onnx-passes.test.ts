import { create } from "@bufbuild/protobuf";
import { afterAll, describe, expect, test } from "vitest";
import { copyModel } from "../../models/onnx/copy-model.ts";
import { Graph, makeNode } from "../../models/onnx/graph.ts";
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from "../../models/onnx/proto/onnx_pb.js";
import { readModel } from "../../models/onnx/read-model.ts";
import { DataType, floatTensor, tensor } from "../../models/onnx/tensor.ts";
import { encodeModel } from "../../models/onnx/write-model.ts";
import type { NamedTensors, TensorSpec } from "../../runtime/tensor/tensor.ts";
import { floatWeights } from "../../toolchain/passes/float-weights.ts";
import { float32 } from "../../toolchain/passes/float32.ts";
import { foldAffine } from "../../toolchain/passes/fold-affine.ts";
import { hardSwish } from "../../toolchain/passes/hard-swish.ts";
import { liftConstants } from "../../toolchain/passes/lift-constants.ts";
import { removeUnused } from "../../toolchain/passes/remove-unused.ts";
import { prepareFloat } from "../../toolchain/quantize/prepare.ts";
import { MODELS, startProvider } from "../support/models.ts";
import { goldenInput } from "../support/quantize-inputs.ts";
import { REAL_MODELS } from "../support/real-models.ts";
import { gaussianFeeds, runModel, worstSqnrDb } from "../support/run-model.ts";
import { tinyModel, value } from "../support/tiny-model.ts";
import { gaussian } from "../unit/quantize/values.ts";

const SEED = 20_261_126;
/** Nothing but the rounding of float32 may differ. */
const EQUAL_DB = 100;
const provider = startProvider(1);
afterAll(() => provider.close());

type Pass = (graph: Graph) => number;

/** Runs a pass on a copy; gives what it says it did and how near the outputs are. */
async function through(pass: Pass, model: ModelProto, feeds?: NamedTensors) {
  const changed = copyModel(model);
  const graph = new Graph(changed);
  const count = pass(graph);
  graph.sort();
  const input = feeds ?? (await feedsOf(model));
  const [wanted, given] = [await runModel(provider, model, input), await runModel(provider, changed, input)];
  return { count, graph, sqnrDb: worstSqnrDb(wanted, given) };
}

async function feedsOf(model: ModelProto): Promise<NamedTensors> {
  const session = await provider.load(encodeModel(model));
  await session.unload();
  return gaussianFeeds(session.inputs.map(sized), SEED);
}

/** A text line's picture where a model leaves the size open. */
const sized = (spec: TensorSpec): TensorSpec =>
  spec.dims.length === 4
    ? { ...spec, dims: spec.dims.map((d, i) => (d === -1 ? ([1, 3, 64, 192][i] ?? 1) : d)) }
    : spec;

const node = (opType: string, inputs: string[], output: string, attributes = {}): NodeProto =>
  makeNode(opType, { name: output, inputs, outputs: [output] }, attributes);

const typesOf = ({ nodes }: Graph): string[] => nodes.map(({ opType }) => opType);

const [CHANNELS, SIDE] = [4, 6];

/** x [1, 4, 6, 6] → y. */
const picture = (nodes: NodeProto[], initializers: TensorProto[] = [], opset = 14): ModelProto =>
  tinyModel({
    opset,
    inputs: [value("x", [1, CHANNELS, SIDE, SIDE])],
    outputs: [value("y")],
    nodes,
    initializers,
  });

const random = (name: string, dims: number[], seed = SEED): TensorProto =>
  floatTensor(
    name,
    dims,
    gaussian(
      dims.reduce((n, d) => n * d, 1),
      seed + name.charCodeAt(0),
    ),
  );

function constantNode(name: string, t: TensorProto): NodeProto {
  const made = node("Constant", [], name);
  made.attribute.push(
    create(AttributeProtoSchema, { name: "value", type: AttributeProto_AttributeType.TENSOR, t }),
  );
  return made;
}

describe("liftConstants", () => {
  test("makes initializers of the constants", async () => {
    const model = picture([
      constantNode("c", random("anything", [CHANNELS, 1, 1])),
      node("Mul", ["x", "c"], "y"),
    ]);
    const { count, graph, sqnrDb } = await through(liftConstants, model);
    expect([count, typesOf(graph)]).toEqual([1, ["Mul"]]);
    expect(graph.initializer("c")?.dims).toEqual([4n, 1n, 1n]);
    expect(sqnrDb).toBe(Number.POSITIVE_INFINITY);
  });

  test("leaves constants of other kinds", async () => {
    const model = picture([
      node("Constant", [], "c", { value_float: { float: 2 } }),
      node("Mul", ["x", "c"], "y"),
    ]);
    expect((await through(liftConstants, model)).count).toBe(0);
  });

  test("PP-OCR's models, which keep all weights so", async () => {
    const { count, graph, sqnrDb } = await through(liftConstants, await readModel(REAL_MODELS.ocrDetection));
    expect(count).toBeGreaterThan(300);
    expect(typesOf(graph)).not.toContain("Constant");
    expect(sqnrDb).toBeGreaterThan(EQUAL_DB);
  });
});

describe("floatWeights", () => {
  const codes = (dims: number[]): TensorProto =>
    tensor(
      "w_q",
      DataType.INT8,
      dims,
      Int8Array.from(
        gaussian(
          dims.reduce((n, d) => n * d, 1),
          SEED,
          40,
        ),
      ),
    );
  const dequantize = (inputs: string[], attributes = {}) => node("DequantizeLinear", inputs, "w", attributes);
  const dims = [CHANNELS, CHANNELS, 3, 3];

  test.each([
    ["a scale for all, no zero point", [floatTensor("s", [], Float32Array.of(0.02))], ["w_q", "s"], {}],
    [
      "a scale for all",
      [floatTensor("s", [], Float32Array.of(0.02)), tensor("z", DataType.INT8, [], Int8Array.of(-7))],
      ["w_q", "s", "z"],
      {},
    ],
    [
      "one a channel",
      [
        floatTensor("s", [4], Float32Array.of(0.02, 0.5, 0.001, 1)),
        tensor("z", DataType.INT8, [4], Int8Array.of(0, 3, -9, 100)),
      ],
      ["w_q", "s", "z"],
      { axis: 0 },
    ],
    [
      "one a channel of axis 1",
      [floatTensor("s", [4], Float32Array.of(0.02, 0.5, 0.001, 1))],
      ["w_q", "s"],
      {},
    ],
    [
      "one a channel of an axis from the end",
      [floatTensor("s", [3], Float32Array.of(0.02, 0.5, 1))],
      ["w_q", "s"],
      { axis: -2 },
    ],
  ])("%s", async (_, initializers, inputs, attributes) => {
    const model = picture(
      [dequantize(inputs, attributes), node("Conv", ["x", "w"], "y")],
      [codes(dims), ...initializers],
    );
    const { count, graph, sqnrDb } = await through(floatWeights, model);
    expect([count, typesOf(graph)]).toEqual([1, ["Conv"]]);
    expect(sqnrDb).toBeGreaterThan(EQUAL_DB);
  });

  test("a scalar", async () => {
    const model = picture(
      [node("DequantizeLinear", ["q", "s"], "c"), node("Mul", ["x", "c"], "y")],
      [tensor("q", DataType.INT8, [], Int8Array.of(5)), floatTensor("s", [], Float32Array.of(0.3))],
    );
    const { count, sqnrDb } = await through(floatWeights, model);
    expect(count).toBe(1);
    expect(sqnrDb).toBeGreaterThan(EQUAL_DB);
  });

  test("leaves codes that are computed", async () => {
    const scale = floatTensor("s", [], Float32Array.of(0.02));
    const nodes = [node("QuantizeLinear", ["x", "s"], "q"), node("DequantizeLinear", ["q", "s"], "y")];
    expect((await through(floatWeights, picture(nodes, [scale]))).count).toBe(0);
  });

  test.each(["mobilenetV1", "mobilenetV2"] as const)("%s, whose weights are stored as int8", async (name) => {
    const { count, sqnrDb } = await through(floatWeights, await readModel(MODELS[name]));
    expect(count).toBeGreaterThan(20);
    expect(sqnrDb).toBeGreaterThan(EQUAL_DB);
  });
});

describe("float32", () => {
  test("SqueezeNet of float16 takes and gives float32", async () => {
    const half = await readModel(MODELS.squeezeNetFp16);
    const wide = copyModel(half);
    expect(float32(new Graph(wide))).toBeGreaterThan(20);
    // The model that it was copied from is still one of float16.
    const feeds = await feedsOf(wide);
    const [wanted, given] = [await runHalf(half, feeds), await runModel(provider, wide, feeds)];
    // ONNX Runtime computes in float32 there too: inputs and outputs alone are rounded, to 11 bits.
    expect(worstSqnrDb(wanted, given)).toBeGreaterThan(50);
  });

  test("leaves float32 alone", async () => {
    const { count, sqnrDb } = await through(float32, await readModel(REAL_MODELS.pcbAoi));
    expect([count, sqnrDb]).toEqual([0, Number.POSITIVE_INFINITY]);
  });
});

/** Of a float16 model, with floats in and out. */
async function runHalf(model: ModelProto, feeds: NamedTensors): Promise<NamedTensors> {
  const rounded = Object.entries(feeds).map(([name, { dims, data }]) => [
    name,
    { dtype: "float16", dims, data: new Uint16Array(Float16Array.from(data as Float32Array).buffer) },
  ]);
  const outputs = await runModel(provider, model, Object.fromEntries(rounded));
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { dims, data }]) => [
      name,
      {
        dtype: "float32",
        dims,
        data: Float32Array.from(new Float16Array((data as Uint16Array<ArrayBuffer>).slice().buffer)),
      },
    ]),
  );
}

describe("foldAffine", () => {
  const conv = (bias: boolean, outputs = CHANNELS): { nodes: NodeProto[]; initializers: TensorProto[] } => ({
    nodes: [node("Conv", bias ? ["x", "w", "b"] : ["x", "w"], "c", { group: 2 })],
    initializers: [random("w", [outputs, CHANNELS / 2, 3, 3]), ...(bias ? [random("b", [outputs])] : [])],
  });
  const followedBy = (operator: string, factor: TensorProto, { bias = true, isFirst = false } = {}) => {
    const { initializers, nodes } = conv(bias);
    return picture(
      [...nodes, node(operator, isFirst ? ["f", "c"] : ["c", "f"], "y")],
      [...initializers, factor],
    );
  };

  describe.each(["Mul", "Add"])("%s", (operator) => {
    test.each([
      ["a channel", [CHANNELS, 1, 1]],
      ["a channel, with the batch's side", [1, CHANNELS, 1, 1]],
      ["a scalar", []],
      ["a list of one", [1]],
    ])("%s, in either order, with and without a bias", async (_, dims) => {
      for (const options of [{}, { isFirst: true }, { bias: false }, { bias: false, isFirst: true }]) {
        const { count, graph, sqnrDb } = await through(
          foldAffine,
          followedBy(operator, random("f", dims), options),
        );
        expect([count, typesOf(graph)]).toEqual([1, ["Conv"]]);
        expect(sqnrDb).toBeGreaterThan(EQUAL_DB);
      }
    });

    test.each([
      ["differs inside a channel", [1, 1, 1, 4]],
      ["differs along the height", [4, 1]],
    ])("stays where the constant %s", async (_, dims) => {
      const { count, sqnrDb } = await through(foldAffine, followedBy(operator, random("f", dims)));
      expect([count, sqnrDb]).toEqual([0, Number.POSITIVE_INFINITY]);
    });

    test("stays where the constant makes the output larger", async () => {
      const model = picture(
        [node("Conv", ["x", "w"], "c"), node(operator, ["c", "f"], "y")],
        [random("w", [1, CHANNELS, 3, 3]), random("f", [1, CHANNELS, 1, 1])],
      );
      expect((await through(foldAffine, model)).count).toBe(0);
    });

    test("stays where a scalar raises the rank", async () => {
      const { count, sqnrDb } = await through(foldAffine, followedBy(operator, random("f", [1, 1, 1, 1, 1])));
      expect([count, sqnrDb]).toEqual([0, Number.POSITIVE_INFINITY]);
    });
  });

  test("a chain goes whole", async () => {
    const { initializers, nodes } = conv(false);
    const chain = [node("Mul", ["c", "f"], "m"), node("Add", ["g", "m"], "y")];
    const model = picture(
      [...nodes, ...chain],
      [...initializers, random("f", [4, 1, 1]), random("g", [4, 1, 1])],
    );
    const { count, sqnrDb } = await through(foldAffine, model);
    expect(count).toBe(2);
    expect(sqnrDb).toBeGreaterThan(EQUAL_DB);
  });

  test("shared weights are not changed for the other reader", async () => {
    const { initializers, nodes } = conv(true);
    const other = [
      node("Conv", ["x", "w", "b"], "d", { group: 2 }),
      node("Mul", ["c", "f"], "m"),
      node("Add", ["m", "d"], "y"),
    ];
    const model = picture([...nodes, ...other], [...initializers, random("f", [4, 1, 1])]);
    const { count, sqnrDb } = await through(foldAffine, model);
    expect(count).toBe(1);
    expect(sqnrDb).toBeGreaterThan(EQUAL_DB);
  });

  test("stays where the Conv's own result is needed", async () => {
    const { initializers, nodes } = conv(true);
    const model = picture(
      [...nodes, node("Mul", ["c", "f"], "m"), node("Add", ["m", "c"], "y")],
      [...initializers, random("f", [])],
    );
    expect((await through(foldAffine, model)).count).toBe(0);
  });
});

describe("hardSwish", () => {
  const constants = [3, 0, 6, 1 / 6].map((n, i) =>
    floatTensor(["three", "zero", "six", "sixth"][i] ?? "", [], Float32Array.of(n)),
  );
  const begin = [node("Add", ["x", "three"], "a"), node("Clip", ["a", "zero", "six"], "k")];

  test.each([
    ["a quotient", [node("Mul", ["x", "k"], "m"), node("Div", ["m", "six"], "y")]],
    ["the product in the other order", [node("Mul", ["k", "x"], "m"), node("Div", ["m", "six"], "y")]],
    ["a product with a sixth", [node("Mul", ["x", "k"], "m"), node("Mul", ["m", "sixth"], "y")]],
  ])("%s", async (_, end) => {
    const { count, graph, sqnrDb } = await through(
      (g) => {
        const found = hardSwish(g);
        removeUnused(g);
        return found;
      },
      picture([...begin, ...end], constants),
    );
    expect([count, typesOf(graph)]).toEqual([1, ["HardSwish"]]);
    expect(sqnrDb).toBeGreaterThan(EQUAL_DB);
  });

  test.each([
    [
      "another bound",
      [
        node("Clip", ["a", "zero", "three"], "k"),
        node("Mul", ["x", "k"], "m"),
        node("Div", ["m", "six"], "y"),
      ],
    ],
    [
      "another product",
      [node("Clip", ["a", "zero", "six"], "k"), node("Mul", ["a", "k"], "m"), node("Div", ["m", "six"], "y")],
    ],
    [
      "a quotient the other way round",
      [node("Clip", ["a", "zero", "six"], "k"), node("Mul", ["x", "k"], "m"), node("Div", ["six", "m"], "y")],
    ],
  ])("not %s", async (_, end) => {
    const model = picture([node("Add", ["x", "three"], "a"), ...end], constants);
    expect(hardSwish(new Graph(copyModel(model)))).toBe(0);
  });

  test("not before the operator was there, nor where its parts are read", () => {
    const whole = [...begin, node("Mul", ["x", "k"], "m"), node("Div", ["m", "six"], "y")];
    expect(hardSwish(new Graph(picture(whole, constants, 13)))).toBe(0);
    const read = [
      ...begin,
      node("Mul", ["x", "k"], "m"),
      node("Div", ["m", "six"], "d"),
      node("Add", ["d", "k"], "y"),
    ];
    expect(hardSwish(new Graph(picture(read, constants)))).toBe(0);
  });
});

describe("removeUnused", () => {
  test("takes what no output needs, whole chains of it", async () => {
    const model = picture(
      [node("Relu", ["x"], "y"), node("Add", ["x", "c"], "d"), node("Relu", ["d"], "e")],
      [random("c", [])],
    );
    const { count, graph, sqnrDb } = await through(removeUnused, model);
    expect([count, typesOf(graph), graph.proto.initializer]).toEqual([2, ["Relu"], []]);
    expect(sqnrDb).toBe(Number.POSITIVE_INFINITY);
  });

  test("keeps what a branch of an If takes from outside", async () => {
    const branch = (name: string, from: string) =>
      create(GraphProtoSchema, {
        name,
        node: [node("Neg", [from], `${name}_y`)],
        output: [value(`${name}_y`)],
      });
    const choice = node("If", ["yes"], "y");
    for (const [name, from] of [
      ["then_branch", "r"],
      ["else_branch", "c"],
    ] as const)
      choice.attribute.push(
        create(AttributeProtoSchema, {
          name,
          type: AttributeProto_AttributeType.GRAPH,
          g: branch(name, from),
        }),
      );
    const model = picture(
      [node("Relu", ["x"], "r"), node("Abs", ["x"], "unused"), choice],
      [
        random("c", [1, CHANNELS, SIDE, SIDE]),
        random("d", []),
        tensor("yes", DataType.BOOL, [], Uint8Array.of(1)),
      ],
    );
    const { count, graph, sqnrDb } = await through(removeUnused, model);
    expect([count, typesOf(graph)]).toEqual([1, ["Relu", "If"]]);
    expect(graph.proto.initializer.map(({ name }) => name)).toEqual(["c", "yes"]);
    expect(sqnrDb).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("all of them", () => {
  test.each(["mobilenetV1", "mobilenetV2", "fastestDet"] as const)("%s computes the same", async (name) => {
    await expectSamePrepared(await readModel(MODELS[name]));
  });

  test.each(["pcbAoi", "ocrDirection"] as const)("%s computes the same", async (name) => {
    await expectSamePrepared(await readModel(REAL_MODELS[name]));
  });

  test("PP-OCR's detector computes the same of a page", async () => {
    // Of noise it makes probabilities near 0, where ONNX Runtime's own levels of optimisation differ as much.
    const { dims, values } = await goldenInput("ppocr-det", 0);
    await expectSamePrepared(await readModel(REAL_MODELS.ocrDetection), {
      x: { dtype: "float32", dims, data: Float32Array.from(values) },
    });
  });

  test("PP-OCR's detector has its 24 HardSwish again, and its batch norms but one in convolutions", async () => {
    const prepared = await prepareFloat(await readModel(REAL_MODELS.ocrDetection), provider);
    const types = Map.groupBy(typesOf(new Graph(prepared)), (type) => type);
    expect(types.get("HardSwish")).toHaveLength(24);
    expect(types.get("Conv")).toHaveLength(62);
    // ONNX Runtime leaves the one behind a ConvTranspose.
    expect(types.get("BatchNormalization")).toHaveLength(1);
  });

  async function expectSamePrepared(model: ModelProto, given?: NamedTensors): Promise<void> {
    const before = encodeModel(model);
    const prepared = await prepareFloat(model, provider);
    expect(Buffer.compare(before, encodeModel(model))).toBe(0);
    const feeds = given ?? (await feedsOf(model));
    const [wanted, actual] = [
      await runModel(provider, model, feeds),
      await runModel(provider, prepared, feeds),
    ];
    expect(worstSqnrDb(wanted, actual)).toBeGreaterThan(EQUAL_DB);
  }
});
