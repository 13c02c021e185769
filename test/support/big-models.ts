import { makeNode } from "../../models/onnx/graph.ts";
import type { ModelProto, NodeProto, TensorProto } from "../../models/onnx/proto/onnx_pb.js";
import { floatTensor } from "../../models/onnx/tensor.ts";
import { gaussian } from "../unit/quantize/values.ts";
import { tinyModel, value } from "./tiny-model.ts";

/** Nodes and weights of a model under construction, with normally distributed weights from a seed. */
class Builder {
  readonly nodes: NodeProto[] = [];
  readonly weights: TensorProto[] = [];
  #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Adds a layer whose output is named like it. */
  layer(
    opType: string,
    name: string,
    inputs: string[],
    attributes: Parameters<typeof makeNode>[2] = {},
  ): string {
    this.nodes.push(makeNode(opType, { name, inputs, outputs: [name] }, attributes));
    return name;
  }

  /** He initialisation: the signal keeps its size from layer to layer. */
  weight(name: string, dims: readonly number[], fanIn: number, gain = Math.sqrt(2)): string {
    const count = dims.reduce((product, dim) => product * dim, 1);
    const data = gaussian(count, this.#seed++, gain / Math.sqrt(fanIn));
    this.weights.push(floatTensor(name, dims, data));
    return name;
  }

  conv(name: string, input: string, to: { from: number; to: number; size: number; stride: number }): string {
    const { size, stride } = to;
    const weights = this.weight(`${name}.w`, [to.to, to.from, size, size], to.from * size * size);
    const bias = this.weight(`${name}.b`, [to.to], 1, 0.01);
    const pad = size >> 1;
    return this.layer("Conv", name, [input, weights, bias], {
      kernel_shape: [size, size],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    });
  }
}

/** x [1, width] through `layers` matrices: 25 of 1024² are 105 MB. */
export function matMulChain(layers = 25, width = 1024, seed = 1): ModelProto {
  const builder = new Builder(seed);
  let x = "x";
  for (let i = 0; i < layers; i++) {
    x = builder.layer("MatMul", i === layers - 1 ? "y" : `m${i}`, [
      x,
      builder.weight(`w${i}`, [width, width], width, 1),
    ]);
  }
  const { nodes, weights: initializers } = builder;
  return tinyModel({
    opset: 13,
    inputs: [value("x", [1, width])],
    outputs: [value("y", [1, width])],
    nodes,
    initializers,
  });
}

/** Layers of one stage of ResNet-50: blocks, channels inside, stride of the first. */
const STAGES = [
  [3, 64, 1],
  [4, 128, 2],
  [6, 256, 2],
  [3, 512, 2],
] as const;

/**
 * ResNet-50 (He et al., 2015, table 1; the stride stands in the 3×3 convolution, as in v1.5), normalisation folded
 * into the convolutions: x [1, 3, 224, 224] → y [1, 1000], 102 MB.
 */
export function resNet50(seed = 50): ModelProto {
  const builder = new Builder(seed);
  let x = builder.layer("Relu", "stem.relu", [
    builder.conv("stem", "x", { from: 3, to: 64, size: 7, stride: 2 }),
  ]);
  x = builder.layer("MaxPool", "pool", [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  let channels = 64;
  for (const [s, [blocks, inside, stride]] of STAGES.entries()) {
    for (let b = 0; b < blocks; b++) {
      x = bottleneck(builder, `s${s}b${b}`, x, { from: channels, inside, stride: b === 0 ? stride : 1 });
      channels = 4 * inside;
    }
  }
  x = builder.layer("Flatten", "flat", [builder.layer("GlobalAveragePool", "mean", [x])]);
  builder.layer("Gemm", "y", [
    x,
    builder.weight("fc.w", [channels, 1000], channels, 1),
    builder.weight("fc.b", [1000], 1, 0.01),
  ]);
  const { nodes, weights: initializers } = builder;
  return tinyModel({
    opset: 13,
    inputs: [value("x", [1, 3, 224, 224])],
    outputs: [value("y", [1, 1000])],
    nodes,
    initializers,
  });
}

function bottleneck(
  builder: Builder,
  name: string,
  x: string,
  { from, inside, stride }: { from: number; inside: number; stride: number },
): string {
  const relu = (of: string) => builder.layer("Relu", `${of}.relu`, [of]);
  const a = relu(builder.conv(`${name}.a`, x, { from, to: inside, size: 1, stride: 1 }));
  const b = relu(builder.conv(`${name}.b`, a, { from: inside, to: inside, size: 3, stride }));
  const c = builder.conv(`${name}.c`, b, { from: inside, to: 4 * inside, size: 1, stride: 1 });
  const skips = from !== 4 * inside || stride !== 1;
  const skip = skips ? builder.conv(`${name}.skip`, x, { from, to: 4 * inside, size: 1, stride }) : x;
  return relu(builder.layer("Add", `${name}.add`, [c, skip]));
}
