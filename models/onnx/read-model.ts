import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { SightlineError } from "../../runtime/base/errors.ts";
import { checkModel } from "./check-model.ts";
import { readExternalData } from "./external-data.ts";
import { type ModelProto, ModelProtoSchema } from "./proto/onnx_pb.js";

/** protobuf messages, and so ONNX files, end at 2 GiB; larger models keep their weights outside. */
const MAX_FILE_BYTES = 2 ** 31 - 1;

/**
 * A model of a file, with the weights that it keeps in files beside it, checked for all that a reader may take for
 * granted. Errors: ERR_MODEL_MISSING, ERR_ONNX_SIZE, ERR_ONNX_FILE (not ONNX), ERR_ONNX_EXTERNAL (weights outside
 * its folder, missing or too short), ERR_ONNX_GRAPH, ERR_ONNX_TENSOR, ERR_ONNX_OPSET.
 */
export async function readModel(path: string): Promise<ModelProto> {
  const model = decode(await readWhole(path), path);
  await readExternalData(model, dirname(path));
  checkModel(model);
  return model;
}

/**
 * A model as its file has it: weights that it keeps in other files stay there, and nothing is checked. For files of
 * our own. Errors: ERR_MODEL_MISSING, ERR_ONNX_SIZE, ERR_ONNX_FILE.
 */
export const readStructure = async (path: string): Promise<ModelProto> => decode(await readWhole(path), path);

/** A model of bytes, checked likewise; weights outside are refused. The model's tensors are views of `bytes`. */
export function parseModel(bytes: Uint8Array, name = "the model"): ModelProto {
  const model = decode(bytes, name);
  checkModel(model);
  return model;
}

function decode(bytes: Uint8Array, name: string): ModelProto {
  if (bytes.byteLength > MAX_FILE_BYTES) throw tooLarge(name, bytes.byteLength);
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (error) {
    throw SightlineError.wrap("ERR_ONNX_FILE", error, name);
  }
}

async function readWhole(path: string): Promise<Uint8Array> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    const stats = await file.stat();
    if (!stats.isFile()) throw new SightlineError("ERR_MODEL_MISSING", `${path} is not a regular file`);
    if (stats.size > MAX_FILE_BYTES) throw tooLarge(path, stats.size);
    return await file.readFile();
  } catch (error) {
    throw SightlineError.wrap("ERR_MODEL_MISSING", error, path);
  } finally {
    await file?.close();
  }
}

const tooLarge = (name: string, bytes: number): SightlineError =>
  new SightlineError("ERR_ONNX_SIZE", `${name} has ${bytes} bytes; an ONNX file is at most 2 GiB`);
