import { makeAttribute } from "../../../models/onnx/attributes.ts";
import { type Graph, makeNode } from "../../../models/onnx/graph.ts";
import type { NodeProto } from "../../../models/onnx/proto/onnx_pb.js";
import { DataType, dimsOf, floatTensor, int64Tensor, tensor } from "../../../models/onnx/tensor.ts";
import type { Blocks } from "../numerics/blocks.ts";
import { matMulNBitsInputs, packInitializer } from "../numerics/packing.ts";
import type { WeightLayer } from "./layers.ts";

/** Activations as 8-bit codes too, a scale a block: level 0 computes in float, at 8 and 2 bits 30 to 80 times slower. */
const ACCURACY_LEVEL = 4;

/** A MatMul or Gemm becomes ONNX Runtime's MatMulNBits, which multiplies the codes as they are. */
export function storeForMatMul(graph: Graph, { node, weights }: WeightLayer, blocks: Blocks): void {
  const { n, k, bits, blockSize } = blocks;
  const perRow = Math.ceil(k / blockSize);
  const packed = matMulNBitsInputs(blocks);
  const add = (part: string, dataType: number, dims: number[], data: ArrayBufferView): string =>
    graph.addInitializer(tensor(graph.uniqueName(`${weights.name}_${part}`), dataType, dims, data));
  const { b, scales, zeroPoints } = packed;
  const inputs = [
    node.input[0] ?? "",
    add("codes", DataType.UINT8, [n, perRow, b.length / (n * perRow)], b),
    add("scales", DataType.FLOAT, [scales.length], scales),
  ];
  if (zeroPoints) inputs.push(add("zero_points", DataType.UINT8, [zeroPoints.length], zeroPoints));
  if (node.input[2]) addBias(graph, { node, bias: node.input[2] });
  const attributes = { K: k, N: n, bits, block_size: blockSize, accuracy_level: ACCURACY_LEVEL };
  Object.assign(node, { opType: "MatMulNBits", domain: "com.microsoft", input: inputs });
  node.attribute = Object.entries(attributes).map(([name, value]) => makeAttribute(name, value));
  graph.touch();
}

/** What a Gemm adds comes after it. */
function addBias(graph: Graph, { node, bias }: { node: NodeProto; bias: string }): void {
  const [output = ""] = node.output;
  const product = graph.uniqueName(`${output}_product`);
  node.output = [product];
  graph.add(
    makeNode("Add", {
      name: graph.uniqueName(`${output}_bias`),
      inputs: [product, bias],
      outputs: [output],
    }),
  );
}

/** A Conv reads codes with a scale a block of each row: they stay small in memory, and become floats in each run. */
export function storeForConv(graph: Graph, { node, weights }: WeightLayer, blocks: Blocks): void {
  const { n, k, blockSize, scales, symmetric } = blocks;
  const perRow = Math.ceil(k / blockSize);
  const middle = symmetric ? 2 ** (blocks.bits - 1) : 0;
  const add = (part: string, dims: number[], codes: Uint8Array): string =>
    graph.addInitializer(codesTensor(graph.uniqueName(`${weights.name}_${part}`), dims, codes, blocks));
  const inputs = [
    add(
      "codes",
      [n, k],
      blocks.codes.map((code) => code - middle),
    ),
    graph.addInitializer(floatTensor(graph.uniqueName(`${weights.name}_scales`), [n, perRow], scales)),
  ];
  if (!symmetric) inputs.push(add("zero_points", [n, perRow], blocks.zeroPoints));
  const rows = graph.uniqueName(`${weights.name}_rows`);
  const shape = graph.addInitializer(int64Tensor(graph.uniqueName(`${weights.name}_shape`), dimsOf(weights)));
  const attributes = { axis: 1, block_size: blockSize };
  graph.add(makeNode("DequantizeLinear", { name: rows, inputs, outputs: [rows] }, attributes));
  const restored = graph.uniqueName(`${weights.name}_restored`);
  graph.add(makeNode("Reshape", { name: restored, inputs: [rows, shape], outputs: [restored] }));
  node.input[1] = restored;
  graph.touch();
}

/** Signed when symmetric; then no zero points are needed. */
function codesTensor(name: string, dims: number[], codes: Uint8Array, { bits, symmetric }: Blocks) {
  if (bits === 8) return tensor(name, symmetric ? DataType.INT8 : DataType.UINT8, dims, codes);
  const type = symmetric ? DataType.INT4 : DataType.UINT4;
  return tensor(name, type, dims, packInitializer(codes, 4));
}
