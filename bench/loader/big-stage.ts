import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { StageFile } from "../../models/bundle/bundle.ts";
import { encodeModel } from "../../models/onnx/write-model.ts";
import type { NamedTensors } from "../../runtime/tensor/tensor.ts";
import { matMulChain, resNet50 } from "../../test/support/big-models.ts";
import { writeStage } from "../../toolchain/pack/write-blobs.ts";

export const BIG_MODELS = { chain: matMulChain, resnet50: resNet50 } as const;
export type BigModel = keyof typeof BIG_MODELS;

const INPUT = { chain: [1, 1024], resnet50: [1, 3, 224, 224] } as const;

/** The same picture for everybody: values from -1 to 1 in a fixed pattern. */
export function bigInput(name: BigModel): NamedTensors {
  const dims = INPUT[name];
  const length = dims.reduce<number>((product, dim) => product * dim, 1);
  const data = Float32Array.from({ length }, (_, i) => ((i * 7919) % 1000) / 500 - 1);
  return { x: { dtype: "float32", dims, data } };
}

/** Where `writeBig` puts things. */
export interface BigFiles {
  /** The model as one writes it first: one ONNX file. */
  plain: string;
  /** The same as a stage of a bundle. */
  stage: StageFile;
}

/** Writes one of the big models in both forms. */
export async function writeBig(name: BigModel, folder: string): Promise<BigFiles> {
  const model = BIG_MODELS[name]();
  const plain = join(folder, `${name}.onnx`);
  await mkdir(dirname(plain), { recursive: true });
  await writeFile(plain, encodeModel(model));
  const { bytes, file, sha256, weights } = await writeStage(folder, model);
  const stage: StageFile = { path: join(folder, file), bytes, sha256 };
  if (weights) stage.weights = { ...weights, path: join(folder, weights.file) };
  return { plain, stage };
}
