import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { inputDims } from "../../../models/bundle/input-dims.ts";
import { SightlineError } from "../../../runtime/base/errors.ts";
import type { Kernels } from "../../../runtime/native/index.ts";
import type { Size } from "../../../runtime/pipeline/fit.ts";
import type { Picture } from "../../../runtime/pipeline/frame.ts";
import { fillTensor, type ModelInput } from "../../../runtime/pipeline/preprocess.ts";
import { decodeStill } from "../../../runtime/pipeline/still-image.ts";
import { elementCount, type NamedTensors } from "../../../runtime/tensor/tensor.ts";

const PICTURE = /\.(jpe?g|png|webp|tiff?)$/i;

/** The pictures of a folder in the order of their names. Errors: ERR_IMAGE_READ, also when there are none. */
export async function pictureFiles(folder: string): Promise<string[]> {
  try {
    if (!(await stat(folder)).isDirectory()) return [folder];
    const names = (await readdir(folder)).filter((name) => PICTURE.test(name)).sort();
    if (names.length > 0) return names.map((name) => join(folder, name));
  } catch (error) {
    throw SightlineError.wrap("ERR_IMAGE_READ", error, folder);
  }
  throw new SightlineError("ERR_IMAGE_READ", `${folder} contains no pictures (jpg, png, webp, tiff)`);
}

/** A picture file as the daemon would give it to the model. Errors: ERR_IMAGE_* with the file's name. */
export async function fileFeeds(kernels: Kernels, input: ModelInput, file: string): Promise<Fed> {
  try {
    return await pictureFeeds(kernels, input, { encoding: "still", bytes: await readFile(file) });
  } catch (error) {
    const { code, hint, message } = SightlineError.wrap("ERR_IMAGE_READ", error);
    throw new SightlineError(code, `${file}: ${message}`, { hint, cause: error });
  }
}

export interface Fed {
  /** float32, whatever the model stores. */
  feeds: NamedTensors;
  /** Of the picture. */
  size: Size;
}

/** Errors: ERR_IMAGE_*, ERR_FRAME_INVALID. */
export async function pictureFeeds(kernels: Kernels, input: ModelInput, picture: Picture): Promise<Fed> {
  const dims = inputDims(input);
  const tensor = { dtype: "float32" as const, dims, data: new Float32Array(elementCount(dims)) };
  const still =
    picture.encoding === "still" ? await decodeStill(picture.bytes, stillTarget(input)) : undefined;
  const pixels = picture.encoding === "raw" ? picture : still?.pixels;
  if (!pixels) throw new SightlineError("ERR_IMAGE_READ", "no picture");
  const { height, width } = pixels;
  const cut = { picture: pixels, area: { left: 0, top: 0, width, height } };
  await fillTensor(kernels, { ...input, dtype: "float32", quantization: undefined }, cut, tensor);
  return { feeds: { [input.name]: tensor }, size: still?.source ?? { width, height } };
}

const stillTarget = ({ color, height, pad_value: padValue, resize, width }: ModelInput) => ({
  ...{ color, height, padValue, resize, width },
});
