import { afterAll, describe, expect, test } from "vitest";
import { Graph, makeNode } from "../../models/onnx/graph.ts";
import type { ModelProto, NodeProto, TensorProto } from "../../models/onnx/proto/onnx_pb.js";
import { readModel } from "../../models/onnx/read-model.ts";
import { DataType, floatTensor } from "../../models/onnx/tensor.ts";
import { encodeModel } from "../../models/onnx/write-model.ts";
import type { NamedTensors } from "../../runtime/tensor/tensor.ts";
import { type Calibration, calibrate } from "../../toolchain/quantize/calibrate/calibrate.ts";
import { fusionOf } from "../../toolchain/quantize/fusion.ts";
import { optimized } from "../../toolchain/quantize/optimize.ts";
import { prepareFloat } from "../../toolchain/quantize/prepare.ts";
import { planQuantization } from "../../toolchain/quantize/static/plan.ts";
import { quantizeStatic, type StaticSettings } from "../../toolchain/quantize/static/quantize-static.ts";
import { SCHEMES } from "../../toolchain/quantize/static/schemes.ts";
import { layerReports } from "../../toolchain/report/layers.ts";
import { MODELS, startProvider } from "../support/models.ts";
import { goldenInput } from "../support/quantize-inputs.ts";
import { REAL_MODELS } from "../support/real-models.ts";
import { runModel, worstSqnrDb } from "../support/run-model.ts";
import { tinyModel, value } from "../support/tiny-model.ts";
import { gaussian } from "../unit/quantize/values.ts";

const SEED = 20_261_126;
const provider = startProvider(1);
afterAll(() => provider.close());

const SETTINGS: StaticSettings = {
  reach: "all",
  scheme: SCHEMES["linux-x64-avx2"],
  method: { method: "minmax" },
  correctBias: false,
};

const SIDE = 8;
const image = (channels: number, seed: number): NamedTensors => ({
  x: {
    dtype: "float32",
    dims: [1, channels, SIDE, SIDE],
    data: Float32Array.from(gaussian(channels * SIDE ** 2, seed)),
  },
});

/** A Conv that keeps the size, with its weights and bias. */
function conv(
  input: string,
  output: string,
  [from, to]: readonly [number, number],
): {
  node: NodeProto;
  initializers: TensorProto[];
} {
  const seed = SEED + output.length * 7 + output.charCodeAt(0);
  const names = [`${output}_w`, `${output}_b`] as const;
  const node = makeNode(
    "Conv",
    { name: `${output}_conv`, inputs: [input, ...names], outputs: [output] },
    { kernel_shape: [3, 3], pads: [1, 1, 1, 1] },
  );
  const weights = floatTensor(names[0], [to, from, 3, 3], gaussian(to * from * 9, seed, 0.3));
  return { node, initializers: [weights, floatTensor(names[1], [to], gaussian(to, seed + 1, 0.3))] };
}

type Part = NodeProto | { node: NodeProto; initializers: TensorProto[] };

function modelOf(parts: readonly Part[], outputs: readonly string[], channels = 3): ModelProto {
  const all = parts.map((part) => ("node" in part ? part : { node: part, initializers: [] }));
  return tinyModel({
    opset: 13,
    inputs: [value("x", [1, channels, SIDE, SIDE])],
    nodes: all.map(({ node }) => node),
    outputs: outputs.map((name) => value(name)),
    initializers: all.flatMap(({ initializers }) => initializers),
  });
}

const op = (opType: string, inputs: string[], output: string, attributes = {}): NodeProto =>
  makeNode(opType, { name: output, inputs, outputs: [output] }, attributes);

async function seen(model: ModelProto, feeds: readonly NamedTensors[]): Promise<Calibration> {
  const plan = planQuantization(new Graph(model), { reach: "all" });
  return calibrate(
    provider,
    { model, plan },
    (async function* () {
      yield* feeds;
    })(),
  );
}

/** Quantizes over what it is tested on: so nothing is clipped. */
async function quantized(model: ModelProto, settings: Partial<StaticSettings> = {}) {
  const feeds = image(3, SEED);
  const result = quantizeStatic(model, await seen(model, [feeds]), { ...SETTINGS, ...settings });
  const [wanted, given] = [await runModel(provider, model, feeds), await runModel(provider, result, feeds)];
  return { result, sqnrDb: worstSqnrDb(wanted, given), fusion: await fusionOf(result, provider) };
}

describe("a layer that is excluded stays float", () => {
  // ONNX Runtime's WeightBiasQuantization makes int8 of the weights of any Conv or Gemm behind a DequantizeLinear.
  const chain = modelOf(
    [
      conv("x", "a", [3, 8]),
      op("Relu", ["a"], "ar"),
      conv("ar", "b", [8, 8]),
      op("Relu", ["b"], "br"),
      conv("br", "c", [8, 4]),
    ],
    ["c"],
  );

  test("between quantized ones", async () => {
    const { fusion, sqnrDb } = await quantized(chain, { exclude: new Set(["b"]) });
    expect(fusion.integer).toEqual({ QLinearConv: 2 });
    expect(Object.values(fusion.left)).toEqual([1]);
    expect(sqnrDb).toBeGreaterThan(30);
  });

  test("where it is a transposed convolution, which never runs on codes", async () => {
    const up = op("ConvTranspose", ["ar", "t"], "y", { strides: [2, 2] });
    const weights = floatTensor("t", [8, 2, 2, 2], gaussian(64, SEED));
    const model = modelOf(
      [conv("x", "a", [3, 8]), op("Relu", ["a"], "ar"), { node: up, initializers: [weights] }],
      ["y"],
    );
    const result = quantizeStatic(model, await seen(model, [image(3, SEED)]), SETTINGS);
    const rewritten = await optimized(result, "extended", provider);
    const transposed = rewritten.graph?.node.find(({ opType }) => opType === "ConvTranspose");
    expect(new Graph(rewritten).initializer(transposed?.input[1])?.dataType).toBe(DataType.FLOAT);
  });

  test("where it is a Gemm, either way round", async () => {
    for (const transB of [0, 1]) {
      const dims = transB ? [4, 8] : [8, 4];
      const gemm = op("Gemm", ["f", "g", "h"], "y", { transB });
      const weights = [floatTensor("g", dims, gaussian(32, SEED)), floatTensor("h", [4], gaussian(4, SEED))];
      const model = modelOf(
        [
          conv("x", "a", [3, 8]),
          op("GlobalAveragePool", ["a"], "p"),
          op("Flatten", ["p"], "f"),
          { node: gemm, initializers: weights },
        ],
        ["y"],
      );
      const { fusion } = await quantized(model, { exclude: new Set(["y"]) });
      expect(fusion.left).toEqual({ Gemm: 1 });
    }
  });
});

const shapes: Record<string, { model: ModelProto; integer: Record<string, number> }> = {
  "two convolutions": {
    model: modelOf([conv("x", "a", [3, 8]), op("Relu", ["a"], "ar"), conv("ar", "y", [8, 4])], ["y"]),
    integer: { QLinearConv: 2 },
  },
  "an output that is read on": {
    model: modelOf([conv("x", "a", [3, 8]), conv("a", "y", [8, 4])], ["a", "y"]),
    integer: { QLinearConv: 2 },
  },
  "a residual sum": {
    model: modelOf(
      [conv("x", "a", [3, 8]), conv("a", "b", [8, 8]), op("Add", ["a", "b"], "s"), conv("s", "y", [8, 4])],
      ["y"],
    ),
    integer: { QLinearConv: 3, QLinearAdd: 1 },
  },
  "a concatenation": {
    model: modelOf(
      [
        conv("x", "a", [3, 8]),
        conv("x", "b", [3, 4]),
        op("Concat", ["a", "b"], "s", { axis: 1 }),
        conv("s", "y", [12, 4]),
      ],
      ["y"],
    ),
    integer: { QLinearConv: 3, QLinearConcat: 1 },
  },
  "a pool": {
    model: modelOf(
      [
        conv("x", "a", [3, 8]),
        op("MaxPool", ["a"], "p", { kernel_shape: [2, 2], strides: [2, 2] }),
        conv("p", "y", [8, 4]),
      ],
      ["y"],
    ),
    integer: { QLinearConv: 2 },
  },
};

describe("a quantized model", () => {
  test.each(Object.entries(shapes))(
    "of %s: names stay, all runs on codes, little is lost",
    async (_, shape) => {
      const { model, integer } = shape;
      const { fusion, result, sqnrDb } = await quantized(model);
      const [before, after] = [new Graph(model), new Graph(result)];
      expect([after.inputs, after.outputs]).toEqual([before.inputs, before.outputs]);
      expect(fusion.integer).toMatchObject(integer);
      expect(fusion.left).toEqual({});
      expect(sqnrDb).toBeGreaterThan(30);
    },
  );

  test("is made beside the float one, which stays as it was", async () => {
    const model = shapes["a residual sum"]?.model as ModelProto;
    const before = encodeModel(model);
    await quantized(model);
    expect(Buffer.compare(encodeModel(model), before)).toBe(0);
  });

  test("has no Q and DQ around what computes nothing on codes", async () => {
    const model = modelOf(
      [op("MaxPool", ["x"], "p", { kernel_shape: [2, 2] }), op("Relu", ["p"], "y")],
      ["y"],
    );
    expect(planQuantization(new Graph(model), { reach: "all" }).nodes.size).toBe(0);
  });

  test("loses less when biases are corrected, where weights are coarse", async () => {
    // Seven bits, and inputs far from 0 on average: what rounding takes shifts the whole output.
    const model = modelOf([conv("x", "y", [3, 16])], ["y"]);
    const feeds = {
      x: {
        dtype: "float32" as const,
        dims: [1, 3, SIDE, SIDE],
        data: new Float32Array(3 * SIDE ** 2).fill(3),
      },
    };
    const calibration = await seen(model, [feeds]);
    const scheme = { ...SETTINGS.scheme, headroom: "reduced" } as const;
    const inside = async (correctBias: boolean): Promise<number> => {
      const result = quantizeStatic(model, calibration, { ...SETTINGS, scheme, correctBias });
      const [wanted, given] = [
        await runModel(provider, model, feeds),
        await runModel(provider, result, feeds),
      ];
      return worstSqnrDb(wanted, given);
    };
    expect(await inside(true)).toBeGreaterThan((await inside(false)) + 1);
  });
});

describe("planQuantization", () => {
  test("takes only what has weights, or what lies between too", () => {
    const graph = new Graph(shapes["a residual sum"]?.model as ModelProto);
    const roles = (reach: "compute" | "all") => [...planQuantization(graph, { reach }).nodes.values()].sort();
    expect(roles("compute")).toEqual(["compute", "compute", "compute"]);
    expect(roles("all")).toEqual(["compute", "compute", "compute", "join"]);
  });

  test("lets a pool have its input's scale, through a chain of them", () => {
    const model = modelOf(
      [
        conv("x", "a", [3, 8]),
        op("MaxPool", ["a"], "p", { kernel_shape: [2, 2] }),
        op("Transpose", ["p"], "t", { perm: [0, 1, 3, 2] }),
        conv("t", "y", [8, 4]),
      ],
      ["y"],
    );
    const { tensors } = planQuantization(new Graph(model), { reach: "all" });
    expect(Object.fromEntries(tensors)).toEqual({ x: "x", a: "a", p: "a", t: "a", y: "y" });
  });

  test("leaves float what is named, and what stands between float layers", () => {
    const model = modelOf(
      [conv("x", "a", [3, 8]), op("MaxPool", ["a"], "p", { kernel_shape: [2, 2] }), conv("p", "y", [8, 4])],
      ["y"],
    );
    const { nodes, tensors } = planQuantization(new Graph(model), {
      reach: "all",
      exclude: new Set(["a", "y"]),
    });
    expect([nodes.size, tensors.size]).toEqual([0, 0]);
  });

  test.each([
    ["weights that are computed", op("Conv", ["x", "w"], "y"), []],
    [
      "a matrix of three sides",
      op("MatMul", ["x", "w"], "y"),
      [floatTensor("w", [1, 8, 8], gaussian(64, SEED))],
    ],
    [
      "a Gemm whose bias is scaled",
      op("Gemm", ["x", "w", "b"], "y", { beta: { float: 0.5 } }),
      [floatTensor("w", [8, 8], gaussian(64, SEED)), floatTensor("b", [8], gaussian(8, SEED))],
    ],
    [
      "an operator of another domain",
      Object.assign(op("Conv", ["x", "w"], "y"), { domain: "com.example" }),
      [floatTensor("w", [8, 3, 1, 1], gaussian(24, SEED))],
    ],
    ["a Resize by cubes", op("Resize", ["x"], "y", { mode: "cubic" }), []],
  ])("does not take %s", (_, node, initializers) => {
    const model = modelOf([{ node, initializers }], ["y"]);
    expect(planQuantization(new Graph(model), { reach: "all" }).nodes.size).toBe(0);
  });
});

describe("real models", () => {
  test.each([
    ["pcb-aoi", REAL_MODELS.pcbAoi, "pcb-aoi", { QLinearConv: 19, QLinearAdd: 7 }],
    ["MobileNetV2", MODELS.mobilenetV2, "mobilenet_v2", { QLinearConv: 53, QLinearAdd: 10 }],
  ] as const)("every Conv of %s runs on codes", async (_, path, pictures, integer) => {
    const float = await prepareFloat(await readModel(path), provider);
    const [name = ""] = new Graph(float).inputs;
    const { dims, values } = await goldenInput(pictures, 0);
    const feeds: NamedTensors = { [name]: { dtype: "float32", dims, data: Float32Array.from(values) } };
    const model = quantizeStatic(float, await seen(float, [feeds]), SETTINGS);
    const fusion = await fusionOf(model, provider);
    expect(fusion.integer).toMatchObject(integer);
    expect(fusion.left).toEqual({});
    const [wanted, given] = [await runModel(provider, float, feeds), await runModel(provider, model, feeds)];
    expect(worstSqnrDb(wanted, given)).toBeGreaterThan(10);
  });
});

describe("layerReports", () => {
  const names = ["a", "b", "c"];
  const models: Record<string, { model: ModelProto; exclude: string[] }> = {
    "one float layer": {
      model: modelOf([conv("x", "a", [3, 8]), conv("a", "b", [8, 8]), conv("b", "c", [8, 4])], ["c"]),
      exclude: ["b"],
    },
    "two float layers": {
      model: modelOf(
        [conv("x", "a", [3, 8]), conv("a", "b", [8, 4]), conv("a", "c", [8, 4]), op("Add", ["b", "c"], "y")],
        ["y"],
      ),
      exclude: ["b", "c"],
    },
  };

  test.each(Object.entries(models))(
    "measure what runs on codes where %s read it",
    async (_, { exclude, model }) => {
      const feeds = image(3, SEED);
      const calibration = await seen(model, [feeds]);
      const settings = { ...SETTINGS, exclude: new Set(exclude) };
      const graph = new Graph(model);
      const layers = await layerReports(
        provider,
        {
          ...{ float: model, quantized: quantizeStatic(model, calibration, settings), graph, calibration },
          everything: planQuantization(graph, { reach: "all" }),
          ...{ exclude: settings.exclude, method: settings.method },
        },
        [feeds],
      );
      expect(layers.map(({ name }) => name)).toEqual(names);
      for (const { name, precision, range, sqnr_db } of layers) {
        const isFloat = exclude.includes(name);
        expect(precision).toBe(isFloat ? "float" : "int8");
        expect([sqnr_db === null, range === null]).toEqual([isFloat, isFloat]);
        if (!isFloat) expect(sqnr_db).toBeGreaterThan(25);
      }
    },
  );
});
