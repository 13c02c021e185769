import { afterAll, describe, expect, test } from "vitest";
import type { AttributeValue } from "../../models/onnx/attributes.ts";
import { Graph, makeNode } from "../../models/onnx/graph.ts";
import { floatTensor } from "../../models/onnx/tensor.ts";
import { cpuFeatures } from "../../runtime/native/index.ts";
import { floats } from "../../runtime/tensor/tensor.ts";
import { fusionOf } from "../../toolchain/quantize/fusion.ts";
import { channelScales, quantizeChannels, type Weights } from "../../toolchain/quantize/numerics/channels.ts";
import { scalesForPairs } from "../../toolchain/quantize/numerics/pair-limit.ts";
import { insertQdq } from "../../toolchain/quantize/static/insert-qdq.ts";
import { planQuantization } from "../../toolchain/quantize/static/plan.ts";
import { SCHEMES, type Scheme } from "../../toolchain/quantize/static/schemes.ts";
import { randomFrom } from "../fuzz/random.ts";
import { startProvider } from "../support/models.ts";
import { runModel } from "../support/run-model.ts";
import { tinyModel, value } from "../support/tiny-model.ts";
import { gaussian, seeds } from "../unit/quantize/values.ts";

const provider = startProvider(1);
afterAll(() => provider.close());

type Headroom = Scheme["headroom"];

/** A layer without padding whose every output sees the same inputs: `patch` as it lies under the weights. */
interface Layer {
  kind: "Conv" | "Gemm";
  weights: Weights;
  group: number;
  kernel: number;
  /** Outputs along each side. */
  tiles: number;
  /** Codes, for each input channel the kernel's positions. */
  patch: Uint8Array;
}

/** The difference in units of the accumulator between what ONNX Runtime sums and the true sum, the largest. */
async function worstError(layer: Layer, headroom: Headroom): Promise<number> {
  const { weights } = layer;
  const scales = scalesOf(weights, headroom);
  const sums = trueSums(layer, quantizeChannels(weights, scales));
  // The bias takes the true sum away, so that 8 bits show the least error.
  const bias = sums.map((sum, channel) => -sum * (scales[channel] ?? 0));
  const step = Math.min(...scales);
  const { model, x } = modelOf(layer, Float32Array.from(bias));
  const graph = new Graph(model);
  insertQdq(graph, planQuantization(graph, { reach: "all" }), {
    scheme: { ...SCHEMES["linux-x64-avx2"], headroom },
    ranges: new Map([
      ["x", { min: 0, max: 255 }],
      ["y", { min: -128 * step, max: 127 * step }],
    ]),
  });
  const { integer } = await fusionOf(graph.model, provider);
  expect(integer).toEqual({ [layer.kind === "Conv" ? "QLinearConv" : "QGemm"]: 1 });
  const { y } = await runModel(provider, graph.model, { x });
  return floats(y, "y").reduce((worst, code) => Math.max(worst, Math.abs(code / step)), 0);
}

function scalesOf(weights: Weights, headroom: Headroom): Float32Array {
  const scales = channelScales(weights, { reduceRange: headroom === "reduced" });
  return headroom === "pairs" ? scalesForPairs(weights, scales) : scales;
}

/** Of codes, by output channel; exact below 2^53. */
function trueSums({ group, patch, weights: { axis, dims } }: Layer, codes: Int8Array): number[] {
  const channels = dims[axis] ?? 1;
  const length = codes.length / channels;
  const at = (c: number, k: number): number => codes[axis === 0 ? c * length + k : k * channels + c] ?? 0;
  return Array.from({ length: channels }, (_, channel) => {
    const first = Math.floor(channel / (channels / group)) * length;
    let sum = 0;
    for (let k = 0; k < length; k++) sum += at(channel, k) * (patch[first + k] ?? 0);
    return sum;
  });
}

function modelOf(layer: Layer, bias: Float32Array) {
  const { group, kernel, kind, patch, weights } = layer;
  const dims =
    kind === "Conv"
      ? [1, patch.length / kernel ** 2, kernel * layer.tiles, kernel * layer.tiles]
      : [layer.tiles, patch.length];
  const attributes: Record<string, AttributeValue> =
    kind === "Conv"
      ? { group, strides: [kernel, kernel], kernel_shape: [kernel, kernel] }
      : { transB: weights.axis === 0 ? 1 : 0 };
  const model = tinyModel({
    opset: 13,
    inputs: [value("x", dims)],
    outputs: [value("y")],
    nodes: [makeNode(kind, { name: "layer", inputs: ["x", "w", "b"], outputs: ["y"] }, attributes)],
    initializers: [floatTensor("w", weights.dims, weights.values), floatTensor("b", [bias.length], bias)],
  });
  return { model, x: { dtype: "float32" as const, dims, data: tiled(layer, dims) } };
}

function tiled({ kernel, kind, patch }: Layer, dims: readonly number[]): Float32Array<ArrayBuffer> {
  const total = dims.reduce((product, side) => product * side, 1);
  if (kind === "Gemm") return Float32Array.from({ length: total }, (_, i) => patch[i % patch.length] ?? 0);
  const [, , height = 1, width = 1] = dims;
  return Float32Array.from({ length: total }, (_, i) => {
    const [channel, row, column] = [
      Math.floor(i / (height * width)),
      Math.floor(i / width) % height,
      i % width,
    ];
    return patch[(channel * kernel + (row % kernel)) * kernel + (column % kernel)] ?? 0;
  });
}

const conv = (
  shape: { channels: number; inputs: number; kernel: number; group?: number; tiles?: number },
  values: Float32Array,
  patch: Uint8Array,
): Layer => {
  const { channels, inputs, kernel, group = 1, tiles = 2 } = shape;
  const weights = { values, dims: [channels, inputs, kernel, kernel], axis: 0 };
  return { kind: "Conv", weights, group, kernel, tiles, patch };
};

const gemm = (
  shape: { channels: number; inputs: number; axis: number },
  values: Float32Array,
  patch: Uint8Array,
): Layer => {
  const { axis, channels, inputs } = shape;
  const dims = axis === 0 ? [channels, inputs] : [inputs, channels];
  return { kind: "Gemm", weights: { values, dims, axis }, group: 1, kernel: 1, tiles: 3, patch };
};

const full = (length: number): Uint8Array => new Uint8Array(length).fill(255);
const large = (length: number): Float32Array => new Float32Array(length).fill(127);

/** The worst that there is: each weight and each input at its largest. */
const WORST: Record<string, Layer> = {
  "3×3 Conv": conv({ channels: 8, inputs: 8, kernel: 3 }, large(8 * 8 * 9), full(8 * 9)),
  "1×1 Conv": conv({ channels: 8, inputs: 16, kernel: 1 }, large(8 * 16), full(16)),
  Gemm: gemm({ channels: 8, inputs: 32, axis: 1 }, large(8 * 32), full(32)),
  "transposed Gemm": gemm({ channels: 8, inputs: 32, axis: 0 }, large(8 * 32), full(32)),
};

const features = cpuFeatures();
const saturates = features.includes("avx2") && !features.some((feature) => feature.includes("vnni"));
if (!saturates)
  console.log("no sums of 16 bits on this CPU: that they overflow without headroom is not shown");

describe.each(Object.entries(WORST))("%s at its worst", (_, layer) => {
  test.runIf(saturates)("is wrong without headroom", async () => {
    expect(await worstError(layer, "none")).toBeGreaterThan(100);
  });

  test.each(["pairs", "reduced"] as const)("is right with headroom for %s", async (headroom) => {
    expect(await worstError(layer, headroom)).toBeLessThanOrEqual(1);
  });
});

describe("MatMul at its worst", () => {
  const [rows, inputs, columns] = [3, 32, 8];
  const sum = inputs * 127 * 255;

  /** It has no bias to take the sum away: what comes out is its share of the true sum. */
  async function share(headroom: Headroom): Promise<number> {
    const model = tinyModel({
      opset: 13,
      inputs: [value("x", [rows, inputs])],
      outputs: [value("y")],
      nodes: [makeNode("MatMul", { name: "layer", inputs: ["x", "w"], outputs: ["y"] })],
      initializers: [floatTensor("w", [inputs, columns], large(inputs * columns))],
    });
    const graph = new Graph(model);
    insertQdq(graph, planQuantization(graph, { reach: "all" }), {
      scheme: { ...SCHEMES["linux-x64-avx2"], headroom },
      ranges: new Map([
        ["x", { min: 0, max: 255 }],
        ["y", { min: 0, max: sum }],
      ]),
    });
    expect((await fusionOf(model, provider)).integer).toEqual({ QLinearMatMul: 1 });
    const data = new Float32Array(rows * inputs).fill(255);
    const { y } = await runModel(provider, model, { x: { dtype: "float32", dims: [rows, inputs], data } });
    return Math.min(...floats(y, "y")) / sum;
  }

  test.runIf(saturates)("is wrong without headroom", async () => {
    expect(await share("none")).toBeLessThan(0.9);
  });

  test.each(["pairs", "reduced"] as const)("is right with headroom for %s", async (headroom) => {
    expect(await share(headroom)).toBeCloseTo(1, 2);
  });
});

/** Sums stay below 2^24, where the bias is exact. */
const SUMMED_MAX = 400;

function anyLayer(seed: number): Layer {
  const random = randomFrom(seed);
  const upTo = (n: number): number => 1 + Math.floor(random() * n);
  const [tiles, kind] = [upTo(4), random()];
  if (kind < 0.2) {
    const shape = { channels: upTo(20), inputs: upTo(SUMMED_MAX), axis: kind < 0.1 ? 0 : 1 };
    return gemm(shape, ...adversary(seed, { ...shape, length: shape.inputs }));
  }
  const kernel = [1, 3, 5][Math.floor(random() * 3)] ?? 1;
  const group = kind < 0.6 ? 1 : upTo(8);
  const isDepthwise = kind > 0.8;
  const inputs = isDepthwise ? 1 : upTo(Math.min(40, Math.floor(SUMMED_MAX / kernel ** 2)));
  const shape = { channels: group * (isDepthwise ? 1 : upTo(10)), inputs, kernel, group, tiles };
  return conv(shape, ...adversary(seed, { ...shape, axis: 0, length: inputs * kernel ** 2 }));
}

/** Random weights, and inputs that are largest where one channel's weights have one sign: its sum goes to its end. */
function adversary(
  seed: number,
  { axis, channels, group = 1, length }: { axis: number; channels: number; group?: number; length: number },
): [Float32Array, Uint8Array] {
  const random = randomFrom(seed + 1);
  const isTwoValued = random() < 0.3;
  const weights = gaussian(channels * length, seed + 2).map((w) => (isTwoValued ? Math.sign(w) : w));
  const [target, sign] = [Math.floor(random() * channels), random() < 0.5 ? 1 : -1];
  const patch = Uint8Array.from({ length: length * group }, (_, i) => {
    const k = i % length;
    const weight = weights[axis === 0 ? target * length + k : k * channels + target] ?? 0;
    if (random() < 0.1) return Math.floor(random() * 256);
    return Math.sign(weight) === sign ? 255 : 0;
  });
  return [weights, patch];
}

const CASES = 40;

/** Layers that ONNX Runtime sums otherwise. */
async function wrongLayers(seed: number, headroom: Headroom): Promise<string[]> {
  const wrong: string[] = [];
  for (let i = 0; i < CASES; i++) {
    const layer = anyLayer(seed + 10 * i);
    const error = await worstError(layer, headroom);
    if (error > 1)
      wrong.push(`case ${i}: ${layer.kind} ${layer.weights.dims}, group ${layer.group}: ${error}`);
  }
  return wrong;
}

describe.each(seeds)(`${CASES} layers of any shape (seed %d)`, (seed) => {
  test.runIf(saturates)("are often wrong without headroom", async () => {
    expect((await wrongLayers(seed, "none")).length).toBeGreaterThan(CASES / 4);
  });

  test.each(["pairs", "reduced"] as const)("are right with headroom for %s", async (headroom) => {
    expect(await wrongLayers(seed, headroom)).toEqual([]);
  });
});
