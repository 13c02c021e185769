import { createHash } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Stage } from "../../models/bundle/manifest.ts";
import { BLOB_FOLDER, type BundleFile, blobFile } from "../../models/bundle/packed.ts";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { encodeModel, takeWeights, withLocation } from "../../models/onnx/write-model.ts";
import { SightlineError } from "../../runtime/base/errors.ts";

/**
 * Writes a model into the packed bundle in `folder`: its graph, and its larger tensors page by page in a file beside
 * it, which ONNX Runtime maps. Gives what the manifest says of it. Errors: ERR_MODEL_WRITE, ERR_ONNX_SIZE.
 */
export async function writeStage(folder: string, model: ModelProto): Promise<Stage> {
  const { model: structure, chunks, tensors } = takeWeights(model);
  if (tensors.length === 0) return writeBlob(folder, [encodeModel(model)]);
  const weights = await writeBlob(folder, chunks);
  const graph = await writeBlob(folder, [encodeModel(withLocation(structure, weights.sha256))]);
  return { ...graph, weights: { ...weights, tensors } };
}

/** Writes a file under its digest; `chunks` are its parts in order. Errors: ERR_MODEL_WRITE. */
export async function writeBlob(folder: string, chunks: readonly Uint8Array[]): Promise<BundleFile> {
  const hash = createHash("sha256");
  for (const chunk of chunks) hash.update(chunk);
  const sha256 = hash.digest("hex");
  const file = blobFile(sha256);
  await writeWhole(folder, file, chunks);
  return { file, sha256, bytes: chunks.reduce((sum, { byteLength }) => sum + byteLength, 0) };
}

/** Under its name only once it is whole, and on the disk. */
async function writeWhole(folder: string, file: string, chunks: readonly Uint8Array[]): Promise<void> {
  const path = join(folder, file);
  const temporary = `${path}.${process.pid}.part`;
  try {
    await mkdir(join(folder, BLOB_FOLDER), { recursive: true });
    const handle = await open(temporary, "w");
    try {
      for (const chunk of chunks) await handle.appendFile(chunk);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw SightlineError.wrap("ERR_MODEL_WRITE", error);
  }
}
