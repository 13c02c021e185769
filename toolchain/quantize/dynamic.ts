import { copyModel } from "../../models/onnx/copy-model.ts";
import { Graph, makeNode } from "../../models/onnx/graph.ts";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { DataType, floatTensor, tensor } from "../../models/onnx/tensor.ts";
import { removeUnused } from "../passes/remove-unused.ts";
import { upgradeOpset } from "../upgrade/upgrade-opset.ts";
import { quantizeChannels } from "./numerics/channels.ts";
import { weightScales } from "./static/insert-qdq.ts";
import type { Scheme } from "./static/schemes.ts";
import { rowsOf, type WeightLayer, weightLayers } from "./weight-only/layers.ts";

export interface DynamicOptions {
  /** As of the target's `Scheme`; `pairs`, which is right on every machine, when left out. */
  headroom?: Scheme["headroom"];
  /** Layers that stay float, by their first output. */
  exclude?: ReadonlySet<string>;
}

/** DynamicQuantizeLinear came with 11. */
const DYNAMIC_OPSET = 13;

/**
 * A prepared float model (see `prepareFloat`) whose MatMul and Gemm nodes multiply integers: weights are int8 with a
 * scale an output, inputs get their uint8 scale anew in each run, so no calibration is needed. ONNX Runtime fuses
 * what is written here to DynamicQuantizeMatMul. Convolutions stay float: they have no such kernel.
 * Errors: ERR_ONNX_OPSET.
 */
export function quantizeDynamic(
  model: ModelProto,
  { headroom = "pairs", exclude }: DynamicOptions = {},
): ModelProto {
  const copy = copyModel(model);
  upgradeOpset(copy, DYNAMIC_OPSET);
  const graph = new Graph(copy);
  const layers = weightLayers(graph, exclude).filter(({ geometry }) => geometry === undefined);
  for (const layer of layers) replace(graph, layer, headroom);
  removeUnused(graph);
  graph.sort();
  return copy;
}

/** y = (codes of x · codes of weights) · (scale of x · scales of weights) + bias. */
function replace(graph: Graph, layer: WeightLayer, headroom: Scheme["headroom"]): void {
  const { node } = layer;
  const [input = "", , bias] = node.input;
  const [output = ""] = node.output;
  const { codes, scales } = storeWeights(graph, layer, headroom);
  const names = (parts: readonly string[]) => parts.map((part) => graph.uniqueName(`${output}_${part}`));
  const [x, scale, zero] = names(["input", "input_scale", "input_zero_point"]) as [string, string, string];
  const [product, float, factors] = names(["product", "float", "factors"]) as [string, string, string];
  const scaled = bias ? graph.uniqueName(`${output}_scaled`) : output;
  graph.remove(new Set([node]));
  const add = (opType: string, inputs: string[], outputs: string[], attributes = {}) =>
    graph.add(makeNode(opType, { name: outputs[0] ?? "", inputs, outputs }, attributes));
  add("DynamicQuantizeLinear", [input], [x, scale, zero]);
  add("MatMulInteger", [x, codes, zero], [product]);
  add("Cast", [product], [float], { to: DataType.FLOAT });
  add("Mul", [scale, scales], [factors]);
  add("Mul", [float, factors], [scaled]);
  if (bias) add("Add", [scaled, bias], [output]);
}

/** Gives the names of int8 [K, N] and float [N]. */
function storeWeights(
  graph: Graph,
  layer: WeightLayer,
  headroom: Scheme["headroom"],
): { codes: string; scales: string } {
  const { k, n, weights } = layer;
  const rows = { values: rowsOf(layer).values, dims: [n, k], axis: 0 };
  const scales = weightScales(rows, { headroom });
  const byRow = quantizeChannels(rows, scales);
  const codes = Int8Array.from(byRow, (_, i) => byRow[(i % n) * k + Math.floor(i / n)] ?? 0);
  const name = (part: string): string => graph.uniqueName(`${weights.name}_${part}`);
  return {
    codes: graph.addInitializer(tensor(name("codes"), DataType.INT8, [k, n], codes)),
    scales: graph.addInitializer(floatTensor(name("scales"), [n], scales)),
  };
}
