import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Graph, makeNode } from "../../models/onnx/graph.ts";
import type { ModelProto, NodeProto, TensorProto } from "../../models/onnx/proto/onnx_pb.js";
import { readModel } from "../../models/onnx/read-model.ts";
import { floatTensor } from "../../models/onnx/tensor.ts";
import { type Calibration, calibrate } from "../../models/quantize/calibrate/calibrate.ts";
import { fusionOf } from "../../models/quantize/fusion.ts";
import { prepareFloat } from "../../models/quantize/prepare.ts";
import { planQuantization } from "../../models/quantize/static/plan.ts";
import { quantizeStatic, type StaticSettings } from "../../models/quantize/static/quantize-static.ts";
import { SCHEMES } from "../../models/quantize/static/schemes.ts";
import type { NamedTensors } from "../../runtime/tensor/tensor.ts";
import { MODELS, randomFeeds, startProvider } from "../support/models.ts";
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
});
