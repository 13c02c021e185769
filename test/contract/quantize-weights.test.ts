import { afterAll, describe, expect, test } from "vitest";
import { type AttributeValue, setAttribute } from "../../models/onnx/attributes.ts";
import { copyModel } from "../../models/onnx/copy-model.ts";
import { Graph, makeNode } from "../../models/onnx/graph.ts";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { readModel } from "../../models/onnx/read-model.ts";
import { dimsOf, floatsOf, floatTensor } from "../../models/onnx/tensor.ts";
import { encodeModel } from "../../models/onnx/write-model.ts";
import type { NamedTensors } from "../../runtime/tensor/tensor.ts";
import { Reference } from "../../toolchain/quantize/agreement.ts";
import { quantizeDynamic } from "../../toolchain/quantize/dynamic.ts";
import {
  type BlockFormat,
  dequantizeBlocks,
  quantizeBlocks,
} from "../../toolchain/quantize/numerics/blocks.ts";
import { optimized } from "../../toolchain/quantize/optimize.ts";
import { prepareFloat } from "../../toolchain/quantize/prepare.ts";
import { weightLayers } from "../../toolchain/quantize/weight-only/layers.ts";
import { quantizeWeights } from "../../toolchain/quantize/weight-only/quantize-weights.ts";
import { MODELS, randomFeeds, randomFrom, startProvider } from "../support/models.ts";
import { type GoldenModel, goldenInput } from "../support/quantize-inputs.ts";
import { REAL_MODELS } from "../support/real-models.ts";
import { tinyModel, value } from "../support/tiny-model.ts";
import { matMulChain, randomWeights } from "../support/weight-models.ts";

const SEED = 20_261_127;
const provider = startProvider(2);
afterAll(() => provider.close());

const bytes = (model: ModelProto): number => encodeModel(model).byteLength;
const opTypes = (model: ModelProto): string[] => model.graph?.node.map(({ opType }) => opType) ?? [];

/** One layer with weights `w`, and perhaps a bias. */
function oneLayer(given: {
  opType: string;
  x: number[];
  w: number[];
  bias?: number[];
  attributes?: Record<string, AttributeValue>;
}): ModelProto {
  const random = randomFrom(SEED);
  const make = (name: string, dims: number[]) => {
    const count = dims.reduce((n, d) => n * d, 1);
    return floatTensor(name, dims, randomWeights(random, count, 9));
  };
  const { opType, x, w, bias, attributes } = given;
  return tinyModel({
    opset: 13,
    inputs: [value("x", x)],
    nodes: [
      makeNode(
        opType,
        { name: "layer", inputs: ["x", "w", ...(bias ? ["b"] : [])], outputs: ["y"] },
        attributes,
      ),
    ],
    outputs: [value("y")],
    initializers: [make("w", w), ...(bias ? [make("b", bias)] : [])],
  });
}

async function agreement(float: ModelProto, given: ModelProto): Promise<number> {
  const session = await provider.load(encodeModel(float));
  const inputs = [randomFeeds(session.inputs, SEED, 3), randomFeeds(session.inputs, SEED + 1, 3)];
  await session.unload();
  return (await (await Reference.of(provider, float, inputs)).compare(given)).sqnrDb;
}

/** The float model with what the codes stand for as its weights, rows along the first axis or along the last. */
function restored(model: ModelProto, format: BlockFormat, rowAxis: "first" | "last"): ModelProto {
  const copy = copyModel(model);
  const [w, ...others] = copy.graph?.initializer ?? [];
  if (!w || !copy.graph) return copy;
  const dims = dimsOf(w);
  const n = (rowAxis === "first" ? dims[0] : dims.at(-1)) ?? 1;
  const k = floatsOf(w).length / n;
  const flip = (from: Float32Array, rows: number): Float32Array =>
    from.map((_, i) => from[(i % rows) * (from.length / rows) + Math.floor(i / rows)] ?? 0);
  const rows = rowAxis === "first" ? floatsOf(w) : flip(floatsOf(w), k);
  const meant = dequantizeBlocks(quantizeBlocks({ values: rows, n, k }, format));
  copy.graph.initializer = [floatTensor("w", dims, rowAxis === "first" ? meant : flip(meant, n)), ...others];
  return copy;
}

describe(`ONNX Runtime reads the codes as they are meant (seed ${SEED})`, () => {
  const formats: BlockFormat[] = ([2, 4, 8] as const).flatMap((bits) =>
    [true, false].map((symmetric) => ({ bits, blockSize: 32, symmetric })),
  );

  test.each(formats)("MatMul with $bits bits, symmetric: $symmetric", async (format) => {
    const float = oneLayer({ opType: "MatMul", x: [-1, 5, 120], w: [120, 17] });
    const given = await quantizeWeights(float, { bits: format.bits as 4, symmetric: format.symmetric });
    expect(opTypes(given)).toEqual(["MatMulNBits"]);
    const meant = restored(float, format, "last");
    // Codes of 8 bits for the inputs too cost some; without them all is exact but for the order of sums.
    expect(await agreement(meant, given)).toBeGreaterThan(35);
    for (const node of given.graph?.node ?? []) setAttribute(node, "accuracy_level", 1);
    expect(await agreement(meant, given)).toBeGreaterThan(90);
  });

  test.each([0, 1])("Gemm with a bias, transB %i", async (transB) => {
    const w = transB ? [17, 120] : [120, 17];
    const float = oneLayer({ opType: "Gemm", x: [-1, 120], w, bias: [17], attributes: { transB } });
    const given = await quantizeWeights(float, { bits: 8 });
    expect(opTypes(given)).toEqual(["MatMulNBits", "Add"]);
    expect(await agreement(float, given)).toBeGreaterThan(35);
  });

  test.each<[string, number[], number[], Record<string, AttributeValue>, 4 | 8]>([
    ["3×3 whose rows end inside a block", [1, 20, 9, 9], [11, 20, 3, 3], { pads: [1, 1, 1, 1] }, 4],
    ["1×1", [1, 64, 5, 5], [7, 64, 1, 1], {}, 4],
    ["of few inputs", [1, 3, 9, 9], [5, 3, 3, 3], { strides: [2, 2] }, 8],
    ["of one channel a group", [1, 6, 9, 9], [6, 1, 3, 3], { group: 6 }, 8],
    ["along time alone", [1, 40, 12], [5, 40, 3], {}, 4],
  ])("Conv %s", async (_, x, w, attributes, bits) => {
    const float = oneLayer({ opType: "Conv", x, w, bias: [w[0] ?? 1], attributes });
    for (const symmetric of [true, false]) {
      const given = await quantizeWeights(float, { bits: 4, symmetric });
      expect(opTypes(given)).toEqual(["DequantizeLinear", "Reshape", "Conv"]);
      const meant = restored(float, { bits, blockSize: 64, symmetric }, "first");
      expect(await agreement(meant, given)).toBeGreaterThan(110);
    }
  });
});

describe("GPTQ beats rounding to nearest by 4 dB at 4 bits", () => {
  /** Factors take the cube of a layer's inputs: the few of that many take longer than all others together. */
  const MOST_INPUTS = 900;

  async function gain(name: GoldenModel, path: string, calibrationCount: number): Promise<number> {
    const float = await prepareFloat(await readModel(path), provider);
    const input = float.graph?.input[0]?.name ?? "";
    const feeds = async (i: number): Promise<NamedTensors> => {
      const { dims, values } = await goldenInput(name, i);
      return { [input]: { dtype: "float32", dims, data: Float32Array.from(values) } };
    };
    const inputs = async function* () {
      for (let i = 0; i < calibrationCount; i++) yield feeds(i);
    };
    const reference = await Reference.of(provider, float, [
      await feeds(16),
      await feeds(19),
      await feeds(21),
    ]);
    const large = weightLayers(new Graph(float)).filter(({ k }) => k > MOST_INPUTS);
    const options = { bits: 4, exclude: new Set(large.map(({ node }) => node.output[0] ?? "")) } as const;
    const nearest = await reference.compare(await quantizeWeights(float, options));
    const chosen = await reference.compare(await quantizeWeights(float, options, { provider, inputs }));
    return chosen.sqnrDb - nearest.sqnrDb;
  }

  test("in PP-OCR's recognition, convolutions and attention", async () => {
    expect(await gain("ppocr-rec", REAL_MODELS.ocrRecognition, 6)).toBeGreaterThan(4);
  });

  test("in MobileNetV2's convolutions", async () => {
    expect(await gain("mobilenet_v2", MODELS.mobilenetV2, 4)).toBeGreaterThan(4);
  });
});

describe("weights take less", () => {
  test("MatMuls of 1024² in 4 bits are 0.17 of their float size, in 2 bits 0.1", async () => {
    const float = matMulChain(1024, 2, SEED);
    expect(bytes(await quantizeWeights(float, { bits: 4 })) / bytes(float)).toBeLessThan(0.17);
    expect(bytes(await quantizeWeights(float, { bits: 2 })) / bytes(float)).toBeLessThan(0.1);
  });

  test("MobileNetV2 in 4 bits is 0.16 of its float size", async () => {
    const float = await prepareFloat(await readModel(MODELS.mobilenetV2), provider);
    const given = await quantizeWeights(float, { bits: 4 });
    expect(bytes(given) / bytes(float)).toBeLessThan(0.16);
  });
});

describe("what stays as it was", () => {
  test("the model that is quantized", async () => {
    const float = matMulChain(64, 2, SEED);
    const before = encodeModel(float);
    await quantizeWeights(float, { bits: 4 });
    quantizeDynamic(float);
    expect(encodeModel(float)).toEqual(before);
  });

  test("layers that are excluded", async () => {
    const float = matMulChain(64, 2, SEED);
    const exclude = new Set(["m0"]);
    expect(opTypes(await quantizeWeights(float, { bits: 4, exclude })).slice(0, 4)).toEqual([
      "MatMul",
      "Add",
      "Relu",
      "MatMulNBits",
    ]);
    expect(opTypes(quantizeDynamic(float, { exclude })).filter((op) => op === "MatMul")).toHaveLength(1);
  });
});

test("inputs that are no numbers are refused", async () => {
  const data = new Float32Array(64).fill(Number.NaN);
  const inputs = async function* () {
    yield { x: { dtype: "float32" as const, dims: [1, 64], data } };
  };
  const given = quantizeWeights(matMulChain(64, 1, SEED), { bits: 4 }, { provider, inputs });
  await expect(given).rejects.toMatchObject({ name: "SightlineError", code: "ERR_QUANTIZE_RANGE" });
});

describe("dynamic int8", () => {
  test("is fused to one node a layer, bias and all", async () => {
    const float = matMulChain(256, 5, SEED);
    const given = quantizeDynamic(float);
    const fused = opTypes(await optimized(given, "extended", provider));
    expect(fused.filter((op) => op === "DynamicQuantizeMatMul")).toHaveLength(5);
    expect(fused.filter((op) => op !== "DynamicQuantizeMatMul" && op !== "Relu")).toEqual([]);
    expect(await agreement(float, given)).toBeGreaterThan(30);
    expect(bytes(given) / bytes(float)).toBeLessThan(0.3);
  });

  test.each([0, 1])("takes a Gemm with a bias, transB %i", async (transB) => {
    const w = transB ? [17, 120] : [120, 17];
    const float = oneLayer({ opType: "Gemm", x: [-1, 120], w, bias: [17], attributes: { transB } });
    for (const headroom of ["pairs", "reduced"] as const) {
      expect(await agreement(float, quantizeDynamic(float, { headroom }))).toBeGreaterThan(30);
    }
  });
});
