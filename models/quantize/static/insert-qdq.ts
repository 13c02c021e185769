import { type Graph, makeNode } from "../../onnx/graph.ts";
import type { NodeProto } from "../../onnx/proto/onnx_pb.js";
import { DataType, dimsOf, floatsOf, floatTensor, tensor } from "../../onnx/tensor.ts";
import type { Range } from "../calibrate/binned.ts";
import { quantizeBias, scalesForBias } from "../numerics/bias.ts";
import { channelScales, quantizeChannels } from "../numerics/channels.ts";
import { scalesForPairs } from "../numerics/pair-limit.ts";
import { type Affine, affineOf, type CodeType } from "../numerics/scale.ts";
import { removeUnused } from "../../onnx/passes/remove-unused.ts";
import type { QuantizationPlan } from "./plan.ts";
import { channelAxis } from "./roles.ts";

/** How codes look on a target. */
export interface Scheme {
  /** Of activations; weights are always int8. */
  activation: CodeType;
  /** Zero points of activations are 0 (int8), as TensorRT wants. */
  symmetric: boolean;
  /** uint8 has its zero at 128. */
  weights?: "int8" | "uint8";
  limitPairs?: boolean;
  /** 7-bit weights, for CPUs whose sums of u8·s8 products overflow. */
  reduceRange: boolean;
  /** Weights are clipped where that makes their mean square error smaller. */
  leastError?: boolean;
}

/**
 * Writes the plan into the graph as QuantizeLinear and DequantizeLinear pairs, which ONNX Runtime fuses into integer
 * kernels. `ranges` has every tensor of the plan. The graph changes in place; its inputs and outputs stay as they are.
 */
export function insertQdq(
  graph: Graph,
  plan: QuantizationPlan,
  ranges: ReadonlyMap<string, Range>,
  scheme: Scheme,
): void {
  const affines = new Map<string, Affine>();
  for (const [name, as] of plan.tensors) {
    affines.set(name, affineOf(ranges.get(as) ?? { min: 0, max: 0 }, scheme.activation, scheme.symmetric));
  }
  for (const [node, role] of plan.nodes) {
    if (role === "compute") quantizeWeights(graph, node, affines.get(node.input[0] ?? ""), scheme);
  }
  for (const [name, affine] of affines) insertPair(graph, name, affine, scheme.activation);
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
function quantizeWeights(graph: Graph, node: NodeProto, input: Affine | undefined, scheme: Scheme): void {
  const weights = graph.initializer(node.input[1]);
  const bias = graph.initializer(node.input[2]);
  if (!weights || !input) return;
  const dims = dimsOf(weights);
  const axis = (channelAxis(node) + dims.length) % dims.length;
  const values = { values: floatsOf(weights), dims, axis };
  const whole = channelScales(values, scheme);
  const own = scheme.limitPairs ? scalesForPairs(values, whole) : whole;
  const scales = bias ? scalesForBias(floatsOf(bias), input.scale, own) : own;
  const codes = quantizeChannels(values, scales);
  const isUnsigned = scheme.weights === "uint8";
  node.input[1] = constant(graph, weights.name, {
    dataType: isUnsigned ? DataType.UINT8 : DataType.INT8,
    dims,
    data: isUnsigned ? Uint8Array.from(codes, (code) => code + 128) : codes,
    scales,
    axis,
  });
  if (!bias) return;
  const quantized = quantizeBias(floatsOf(bias), input.scale, scales);
  node.input[2] = constant(graph, bias.name, {
    ...{ dataType: DataType.INT32, dims: dimsOf(bias), data: quantized.codes },
    ...{ scales: quantized.scales, axis: 0 },
  });
}

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
  const zeros = zerosOf(dataType, scales.length);
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

function zerosOf(dataType: number, length: number): ArrayBufferView {
  if (dataType === DataType.UINT8) return new Uint8Array(length).fill(128);
  return dataType === DataType.INT8 ? new Int8Array(length) : new Int32Array(length);
}
