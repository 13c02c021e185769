import { int } from "../../../models/onnx/attributes.ts";
import { type Graph, makeNode } from "../../../models/onnx/graph.ts";
import type { NodeProto, TensorProto } from "../../../models/onnx/proto/onnx_pb.js";
import { bytesOf, dimsOf, isFloat, tensor } from "../../../models/onnx/tensor.ts";
import type { QuantizationPlan } from "./plan.ts";

const WEIGHTED = new Set(["Conv", "ConvTranspose", "Gemm"]);

/**
 * Lets float layers behind codes stay float. ONNX Runtime makes int8, with one scale and no headroom, of the weights of
 * any Conv, ConvTranspose or Gemm that reads a DequantizeLinear of one scale (weight_bias_quantization.cc, seen in 1.30):
 * just of the layers that are kept from it. One that repeats its scale for each channel (along axis 1, its default)
 * computes the same and is left alone; a tensor of one channel cannot be saved so. Gives how many layers were in danger.
 */
export function keepFloat(graph: Graph, { nodes }: QuantizationPlan): number {
  const kept = graph.nodes.filter((node) => WEIGHTED.has(node.opType) && !nodes.has(node));
  return kept.filter((node) => giveOwnMeaning(graph, node)).length;
}

function giveOwnMeaning(graph: Graph, node: NodeProto): boolean {
  const [name = ""] = node.input;
  const meaning = graph.producer(name);
  const channels = inputChannels(graph, node);
  if (meaning?.opType !== "DequantizeLinear" || channels === undefined) return false;
  const [codes = "", ...affine] = meaning.input;
  const repeated = affine.map((part) => {
    const scalar = graph.initializer(part);
    return scalar ? graph.addInitializer(repeat(scalar, graph.uniqueName(`${part}_each`), channels)) : part;
  });
  if (graph.consumers(name).length === 1 && !graph.isOutput(name)) meaning.input = [codes, ...repeated];
  else node.input[0] = anotherMeaning(graph, name, [codes, ...repeated]);
  graph.touch();
  return true;
}

function anotherMeaning(graph: Graph, name: string, inputs: readonly string[]): string {
  const other = graph.uniqueName(`${name}_each`);
  graph.add(makeNode("DequantizeLinear", { name: other, inputs, outputs: [other] }));
  return other;
}

/** Of axis 1; undefined where the weights are not known, or the axis is another. */
function inputChannels(graph: Graph, node: NodeProto): number | undefined {
  const weights = graph.initializer(node.input[1]);
  if (!weights || !isFloat(weights)) return undefined;
  const [first = 1, second = 1] = dimsOf(weights);
  if (node.opType === "Conv") return second * (int(node, "group") ?? 1);
  if (node.opType === "ConvTranspose") return first;
  if (int(node, "transA")) return undefined;
  return int(node, "transB") ? second : first;
}

function repeat(scalar: TensorProto, name: string, count: number): TensorProto {
  const one = bytesOf(scalar);
  const all = new Uint8Array(one.length * count);
  for (let i = 0; i < count; i++) all.set(one, i * one.length);
  return tensor(name, scalar.dataType, [count], all);
}
