import { makeNode } from "../../models/onnx/graph.ts";
import type { ModelProto, NodeProto, TensorProto } from "../../models/onnx/proto/onnx_pb.js";
import { floatTensor } from "../../models/onnx/tensor.ts";
import { randomFrom } from "./models.ts";
import { tinyModel, value } from "./tiny-model.ts";

/** `count` numbers of mean 0 and variance 1 / `k`, so that a layer of k inputs keeps its signal's size. */
export function randomWeights(random: () => number, count: number, k: number): Float32Array {
  return Float32Array.from(
    { length: count },
    () => (random() + random() + random() - 1.5) * 2 * Math.sqrt(1 / k),
  );
}

/** `layers` times MatMul [width, width], Add, Relu; x and y are [batch, width]. */
export function matMulChain(width: number, layers: number, seed: number): ModelProto {
  const random = randomFrom(seed);
  const nodes: NodeProto[] = [];
  const initializers: TensorProto[] = [];
  for (let i = 0; i < layers; i++) {
    const x = i === 0 ? "x" : `r${i - 1}`;
    initializers.push(floatTensor(`w${i}`, [width, width], randomWeights(random, width * width, width / 2)));
    initializers.push(floatTensor(`b${i}`, [width], randomWeights(random, width, 100)));
    nodes.push(makeNode("MatMul", { name: `mul${i}`, inputs: [x, `w${i}`], outputs: [`m${i}`] }));
    nodes.push(makeNode("Add", { name: `add${i}`, inputs: [`m${i}`, `b${i}`], outputs: [`a${i}`] }));
    nodes.push(
      makeNode("Relu", { name: `relu${i}`, inputs: [`a${i}`], outputs: [i === layers - 1 ? "y" : `r${i}`] }),
    );
  }
  const io = (name: string) => [value(name, [-1, width])];
  return tinyModel({ opset: 13, inputs: io("x"), nodes, outputs: io("y"), initializers });
}
