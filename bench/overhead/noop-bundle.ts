import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeNode } from "../../models/onnx/graph.ts";
import { tinyModel, value } from "../../test/support/tiny-model.ts";
import { writeStage } from "../../toolchain/pack/write-blobs.ts";

/** Of the picture that the model takes, in pixels. */
export const SIDE = 8;
export const INPUT = { name: "x", dtype: "float32", dims: [1, 1, SIDE, SIDE] } as const;

/** A classifier that hands its input on as its scores: what a run of it takes is what any run takes besides computing. */
export async function writeNoopBundle(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const classes = SIDE * SIDE;
  const model = tinyModel({
    opset: 13,
    inputs: [value(INPUT.name, INPUT.dims)],
    outputs: [value("y", [1, classes])],
    nodes: [makeNode("Flatten", { name: "y", inputs: ["x"], outputs: ["y"] })],
  });
  const stages = [await writeStage(folder, model)];
  const manifest = {
    schema: "sightline.model/1",
    name: "noop",
    version: "1.0.0",
    license: "Apache-2.0",
    input: { ...INPUT, dims: undefined, layout: "NCHW", width: SIDE, height: SIDE, color: "gray" },
    decoder: { type: "classifier", output: "y" },
    labels: Array.from({ length: classes }, (_, i) => `class ${i}`),
    variants: [{ name: "one", targets: ["any"], stages }],
  };
  Object.assign(manifest.input, { resize: "stretch", mean: [0], std: [255] });
  await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
}
