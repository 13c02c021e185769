import { int } from "../../../models/onnx/attributes.ts";
import { type Graph, makeNode } from "../../../models/onnx/graph.ts";
import type { NodeProto } from "../../../models/onnx/proto/onnx_pb.js";
import { DataType, dimsOf, floatsOf, floatTensor, tensor } from "../../../models/onnx/tensor.ts";
import { removeUnused } from "../../passes/remove-unused.ts";
import type { Range } from "../calibrate/binned.ts";
import { quantizeBias, scalesForBias } from "../numerics/bias.ts";
import { convBiasShift } from "../numerics/bias-correction.ts";
import { channelScales, dequantizeChannels, quantizeChannels, type Weights } from "../numerics/channels.ts";
import { scalesForPairs } from "../numerics/pair-limit.ts";
import { type Affine, affineOf, type CodeType } from "../numerics/scale.ts";
import { keepFloat } from "./keep-float.ts";
import type { QuantizationPlan } from "./plan.ts";
import { channelAxis } from "./roles.ts";
import type { Scheme } from "./schemes.ts";

export interface QdqOptions {
  scheme: Scheme;
  /** Of every tensor of the plan. */
  ranges: ReadonlyMap<string, Range>;
  /** Mean of each channel of the tensors that Convs read: biases then take back what rounding the weights shifts. */
  means?: ReadonlyMap<string, Float32Array> | undefined;
}

/**
 * Writes the plan into the graph as QuantizeLinear and DequantizeLinear pairs, which ONNX Runtime fuses into integer
 * kernels. `ranges` has every tensor of the plan. The graph changes in place; its inputs and outputs stay as they are.
 */
export function insertQdq(graph: Graph, plan: QuantizationPlan, options: QdqOptions): void {
  const { ranges, scheme } = options;
  const affines = new Map<string, Affine>();
  for (const [name, as] of plan.tensors) {
    affines.set(name, affineOf(ranges.get(as) ?? { min: 0, max: 0 }, scheme.activation, scheme.symmetric));
  }
  for (const [node, role] of plan.nodes) {
    if (role === "compute") quantizeWeights(graph, node, affines.get(node.input[0] ?? ""), options);
  }
  for (const [name, affine] of affines) insertPair(graph, name, affine, scheme.activation);
  // TensorRT, for which all is symmetric, knows activations with one scale alone, and does no such thing.
  if (!scheme.symmetric) keepFloat(graph, plan);
  removeUnused(graph);
  graph.sort();
}

/** Every reader of the tensor reads the codes' meaning: one that read the float would keep the fusion from its maker. */
function insertPair(graph: Graph, name: string, affine: Affine, type: CodeType): void {
  const source = graph.isOutput(name) ? renameMaker(graph, name) : name;
  const codes = graph.uniqueName(`${name}_quantized`);
  const meaning = source === name ? graph.uniqueName(`${name}_dequantized`) : name;
  const scale = graph.addInitializer(
    floatTensor(graph.uniqueName(`${name}_scale`), [], Float32Array.of(affine.scale)),
  );
  const zero = graph.addInitializer(zeroPoint(graph.uniqueName(`${name}_zero_point`), affine, type));
  if (source === name) graph.replaceUses(name, meaning);
  const pair = (opType: string, input: string, output: string) =>
    graph.add(
      makeNode(opType, {
        name: graph.uniqueName(`${name}_${opType}`),
        inputs: [input, scale, zero],
        outputs: [output],
      }),
    );
  pair("QuantizeLinear", source, codes);
  pair("DequantizeLinear", codes, meaning);
}

/** The graph's output keeps its name, for what the codes mean; its maker writes to another. */
function renameMaker(graph: Graph, name: string): string {
  const maker = graph.producer(name);
  if (!maker) return name;
  const renamed = graph.uniqueName(`${name}_float`);
  maker.output = maker.output.map((output) => (output === name ? renamed : output));
  graph.touch();
  return renamed;
}

const zeroPoint = (name: string, { zeroPoint }: Affine, type: CodeType) =>
  type === "uint8"
    ? tensor(name, DataType.UINT8, [], Uint8Array.of(zeroPoint))
    : tensor(name, DataType.INT8, [], Int8Array.of(zeroPoint));

/** int8 codes a channel for the weights, int32 for the bias: both as constants behind DequantizeLinear. */
function quantizeWeights(
  graph: Graph,
  node: NodeProto,
  input: Affine | undefined,
  { means, scheme }: Pick<QdqOptions, "means" | "scheme">,
): void {
  const weights = graph.initializer(node.input[1]);
  if (!weights || !input) return;
  const dims = dimsOf(weights);
  const axis = (channelAxis(node) + dims.length) % dims.length;
  const values = { values: floatsOf(weights), dims, axis };
  const own = weightScales(values, scheme);
  const given = graph.initializer(node.input[2]);
  const scales = given ? scalesForBias(floatsOf(given), input.scale, own) : own;
  const codes = quantizeChannels(values, scales);
  const mean = means?.get(node.input[0] ?? "");
  const shift = mean && biasShift(node, values, dequantizeChannels(codes, values, scales), mean);
  const bias = shifted(given && floatsOf(given), shift);
  node.input[1] = constant(graph, weights.name, { dataType: DataType.INT8, dims, data: codes, scales, axis });
  if (!bias || node.opType === "MatMul") return;
  const quantized = quantizeBias(bias, input.scale, scales);
  node.input[2] = constant(graph, given?.name ?? `${weights.name}_bias`, {
    dataType: DataType.INT32,
    dims: [bias.length],
    data: quantized.codes,
    scales: quantized.scales,
    axis: 0,
  });
}

/** A scale for each output channel, with the headroom that the target needs. */
export function weightScales(weights: Weights, { headroom }: Pick<Scheme, "headroom">): Float32Array {
  const scales = channelScales(weights, { reduceRange: headroom === "reduced" });
  return headroom === "pairs" ? scalesForPairs(weights, scales) : scales;
}

/** What rounding the weights took from a layer's mean output. Only a Conv is corrected: others mostly have no bias. */
function biasShift(
  node: NodeProto,
  { dims, values }: Weights,
  meant: Float32Array,
  means: Float32Array,
): Float32Array | undefined {
  if (node.opType !== "Conv") return undefined;
  const [channels = 1, , ...kernel] = dims;
  const kernelSize = kernel.reduce((product, side) => product * side, 1);
  return convBiasShift(values, meant, means, { channels, groups: int(node, "group") ?? 1, kernelSize });
}

const shifted = (
  bias: Float32Array | undefined,
  shift: Float32Array | undefined,
): Float32Array | undefined =>
  bias && shift ? bias.map((value, i) => value + (shift[i] ?? 0)) : (bias ?? shift);

interface Codes {
  dataType: number;
  dims: readonly number[];
  data: ArrayBufferView;
  scales: Float32Array;
  axis: number;
}

/** Gives the name of what the codes mean. */
function constant(graph: Graph, name: string, { dataType, dims, data, scales, axis }: Codes): string {
  const codes = graph.addInitializer(tensor(graph.uniqueName(`${name}_quantized`), dataType, dims, data));
  const scale = graph.addInitializer(floatTensor(graph.uniqueName(`${name}_scale`), [scales.length], scales));
  const zeros = dataType === DataType.INT8 ? new Int8Array(scales.length) : new Int32Array(scales.length);
  const zero = graph.addInitializer(
    tensor(graph.uniqueName(`${name}_zero_point`), dataType, [scales.length], zeros),
  );
  const meaning = graph.uniqueName(`${name}_dequantized`);
  graph.add(
    makeNode(
      "DequantizeLinear",
      {
        name: graph.uniqueName(`${name}_DequantizeLinear`),
        inputs: [codes, scale, zero],
        outputs: [meaning],
      },
      { axis },
    ),
  );
  return meaning;
}
