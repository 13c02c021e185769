import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { copyModel } from "../../models/onnx/copy-model.ts";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { readModel } from "../../models/onnx/read-model.ts";
import { encodeModel } from "../../models/onnx/write-model.ts";
import { MODELS } from "../../test/support/models.ts";
import { writeStage } from "../../toolchain/pack/write-blobs.ts";
import { MODEL_FILES } from "../models/subjects.ts";
import { PCB_AOI } from "../watched-process.ts";

/** A model for both servers: as one file, and as a bundle of the same. */
export interface Served {
  name: string;
  file: string;
  bundle: string;
  input: { name: string; dims: number[] };
}

export async function servedModels(folder: string): Promise<Record<"light" | "middle" | "heavy", Served>> {
  return {
    light: await classifier(folder, "mobilenet_v1", MODELS.mobilenetV1, 128),
    middle: await classifier(folder, "mobilenet_v2", MODELS.mobilenetV2, 224),
    heavy: {
      ...{ name: "pcb-aoi", file: MODEL_FILES["pcb-aoi"], bundle: PCB_AOI },
      input: { name: "image", dims: [1, 1, 640, 640] },
    },
  };
}

async function classifier(folder: string, name: string, source: string, side: number): Promise<Served> {
  const model = withOutput(await readModel(source), "probs");
  const bundle = join(folder, name);
  await writeClassifier(bundle, model, { name, side });
  const file = join(folder, `${name}.onnx`);
  await writeFile(file, encodeModel(model));
  return { name, file, bundle, input: { name: "input", dims: [1, 3, side, side] } };
}

/** Of its outputs the one that is asked for. */
export function withOutput(model: ModelProto, output: string): ModelProto {
  const copy = copyModel(model);
  if (copy.graph) copy.graph.output = copy.graph.output.filter(({ name }) => name === output);
  return copy;
}

/** A bundle around a model of 1,001 classes. */
export async function writeClassifier(
  folder: string,
  model: ModelProto,
  { name, side }: { name: string; side: number },
): Promise<void> {
  await mkdir(folder);
  const stages = [await writeStage(folder, model)];
  const input = { name: "input", dtype: "float32", layout: "NCHW", width: side, height: side, color: "rgb" };
  const manifest = {
    schema: "sightline.model/1",
    name,
    version: "1.0.0",
    license: "Apache-2.0",
    input: { ...input, resize: "stretch", mean: [128], std: [128] },
    decoder: { type: "classifier", output: "probs" },
    labels: Array.from({ length: 1001 }, (_, i) => `class ${i}`),
    variants: [{ name: "one", targets: ["any"], stages }],
  };
  await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
}
