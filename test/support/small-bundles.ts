import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeNode } from "../../models/onnx/graph.ts";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { floatTensor } from "../../models/onnx/tensor.ts";
import { writeStage } from "../../toolchain/pack/write-blobs.ts";
import { gaussian } from "../unit/quantize/values.ts";
import { tinyModel, value } from "./tiny-model.ts";

const SIDE = 64;
const CLASSES = 10;
/** Channels of the convolution in the middle: 2.4 MB of weights. */
const WIDE = 256;

/** Input of every model here. */
export const INPUT_DIMS = [1, 3, SIDE, SIDE] as const;

const conv = (name: string, input: string, to: { from: number; to: number; seed: number }) => ({
  node: makeNode(
    "Conv",
    { name, inputs: [input, `${name}.w`], outputs: [name] },
    { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2] },
  ),
  weights: floatTensor(
    `${name}.w`,
    [to.to, to.from, 3, 3],
    gaussian(to.to * to.from * 9, to.seed, 1 / Math.sqrt(9 * to.from)),
  ),
});

/** A picture through two convolutions: features [1, 256, 16, 16]. */
export function backbone(seed: number): ModelProto {
  const a = conv("a", "x", { from: 3, to: WIDE, seed });
  const b = conv("features", "a.relu", { from: WIDE, to: WIDE, seed: seed + 1 });
  const relu = makeNode("Relu", { name: "a.relu", inputs: ["a"], outputs: ["a.relu"] });
  return tinyModel({
    opset: 13,
    inputs: [value("x", INPUT_DIMS)],
    outputs: [value("features", [1, WIDE, SIDE / 4, SIDE / 4])],
    nodes: [a.node, relu, b.node],
    initializers: [a.weights, b.weights],
  });
}

/** Features to the scores of ten classes. */
export function head(seed: number, output = "y"): ModelProto {
  const name = (part: string) => `${output}.${part}`;
  const nodes = [
    makeNode("GlobalAveragePool", { name: name("mean"), inputs: ["features"], outputs: [name("mean")] }),
    makeNode("Flatten", { name: name("flat"), inputs: [name("mean")], outputs: [name("flat")] }),
    makeNode("MatMul", { name: output, inputs: [name("flat"), name("w")], outputs: [output] }),
  ];
  return tinyModel({
    opset: 13,
    inputs: [value("features", [1, WIDE, SIDE / 4, SIDE / 4])],
    outputs: [value(output, [1, CLASSES])],
    nodes,
    initializers: [floatTensor(name("w"), [WIDE, CLASSES], gaussian(WIDE * CLASSES, seed, 0.1))],
  });
}

/** Models one behind the other in one graph; the outputs are those of `outputs`. */
export function joined(models: readonly ModelProto[], outputs: readonly string[]): ModelProto {
  const graphs = models.flatMap(({ graph }) => graph ?? []);
  const isWanted = ({ name }: { name: string }) => outputs.includes(name);
  return tinyModel({
    opset: 13,
    inputs: graphs[0]?.input ?? [],
    outputs: graphs.flatMap(({ output }) => output.filter(isWanted)),
    nodes: graphs.flatMap(({ node }) => node),
    initializers: graphs.flatMap(({ initializer }) => initializer),
  });
}

/** Writes a bundle of stages that classifies pictures. */
export async function writeBundle(
  folder: string,
  version: string,
  stages: readonly ModelProto[],
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const written = [];
  for (const stage of stages) written.push(await writeStage(folder, stage));
  const manifest = {
    schema: "sightline.model/1",
    name: "bench",
    version,
    license: "CC0-1.0",
    input: {
      name: "x",
      dtype: "float32",
      layout: "NCHW",
      width: SIDE,
      height: SIDE,
      color: "rgb",
      resize: "stretch",
    },
    decoder: { type: "classifier", output: "y" },
    labels: Array.from({ length: CLASSES }, (_, i) => `class ${i}`),
    variants: [{ name: "fp32", targets: ["any"], stages: written }],
  };
  await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
  return folder;
}
export { randomFrom } from "../fuzz/random.ts";
