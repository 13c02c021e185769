import { readFile } from "node:fs/promises";
import type { Kernels } from "../../../runtime/arm-neon/index.ts";
import { SightlineError } from "../../../runtime/base/errors.ts";
import { fillTensor, inputDims, type ModelInput } from "../../../runtime/pipeline/preprocess.ts";
import { decodeStill } from "../../../runtime/pipeline/still-image.ts";
import { elementCount, type NamedTensors } from "../../../runtime/tensor/tensor.ts";

/**
 * Pictures as the daemon would give them to the model, one after the other; float32, whatever the model stores.
 * Errors: ERR_IMAGE_* with the file's name.
 */
export async function* imageFeeds(
  kernels: Kernels,
  input: ModelInput,
  files: Iterable<string>,
): AsyncGenerator<NamedTensors> {
  for (const file of files)
    yield { [input.name]: await imageTensor(kernels, input, await pictureBytes(file), file) };
}

async function imageTensor(kernels: Kernels, input: ModelInput, bytes: Uint8Array, file: string) {
  const dims = inputDims(input);
  const tensor = { dtype: "float32" as const, dims, data: new Float32Array(elementCount(dims)) };
  try {
    const { pixels } = await decodeStill(bytes, { ...input, padValue: input.pad_value });
    const area = { left: 0, top: 0, width: pixels.width, height: pixels.height };
    await fillTensor(
      kernels,
      { ...input, dtype: "float32", quantization: undefined },
      { picture: pixels, area },
      tensor,
    );
    return tensor;
  } catch (error) {
    if (!(error instanceof SightlineError)) throw error;
    throw new SightlineError(error.code, `${file}: ${error.message}`, { hint: error.hint, cause: error });
  }
}

async function pictureBytes(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw SightlineError.wrap("ERR_IMAGE_READ", error, file);
  }
}
