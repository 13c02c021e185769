import { makeNode } from "../../models/onnx/graph.ts";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { floatTensor } from "../../models/onnx/tensor.ts";
import type { NamedTensors } from "../../runtime/tensor/tensor.ts";
import { gaussian } from "../unit/quantize/values.ts";
import { tinyModel, value } from "./tiny-model.ts";

/** x [1, 3, any, any] → convolutions with a ReLU between, named c0, r0, c1, … → y; every tensor keeps the size. */
export function chainModel(channels: readonly number[]): ModelProto {
  const counts = [3, ...channels];
  const layers = channels.map((to, i) => {
    const isLast = i === channels.length - 1;
    const inputs = [i === 0 ? "x" : `r${i - 1}`, `w${i}`, `b${i}`];
    const pads = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
    const conv = makeNode("Conv", { name: `conv${i}`, inputs, outputs: [isLast ? "y" : `c${i}`] }, pads);
    const relu = makeNode("Relu", { name: `relu${i}`, inputs: [`c${i}`], outputs: [`r${i}`] });
    const from = counts[i] ?? 1;
    const weights = [
      floatTensor(`w${i}`, [to, from, 3, 3], gaussian(to * from * 9, i + 1, 1 / Math.sqrt(9 * from))),
      floatTensor(`b${i}`, [to], gaussian(to, i + 100, 0.1)),
    ];
    return { nodes: isLast ? [conv] : [conv, relu], weights };
  });
  return tinyModel({
    opset: 13,
    inputs: [value("x", [1, 3, -1, -1])],
    outputs: [value("y")],
    nodes: layers.flatMap(({ nodes }) => nodes),
    initializers: layers.flatMap(({ weights }) => weights),
  });
}

/** An input of normally distributed values. */
export function noise(height: number, width: number, seed: number): NamedTensors {
  const data = Float32Array.from(gaussian(3 * height * width, seed));
  return { x: { dtype: "float32", dims: [1, 3, height, width], data } };
}
