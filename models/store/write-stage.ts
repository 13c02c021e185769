import { createHash } from "node:crypto";
import { mkdir, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Stage } from "../bundle/manifest.ts";
import { BLOB_FOLDER, blobFile } from "../bundle/packed.ts";
import type { ModelProto } from "../onnx/proto/onnx_pb.js";
import { encodeModel, takeWeights, withLocation } from "../onnx/write-model.ts";

/**
 * Writes a model into a bundle's folder as a stage: its structure, and its weights in one page-aligned file beside it,
 * each under its digest. Gives the manifest's entry. Errors: ERR_ONNX_SIZE, and those of the file system.
 */
export async function writeStage(folder: string, model: ModelProto): Promise<Stage> {
  await mkdir(join(folder, BLOB_FOLDER), { recursive: true });
  const { bytes, chunks, model: structure, tensors } = takeWeights(model);
  if (tensors.length === 0) return writeGraph(folder, encodeModel(model));
  const hash = createHash("sha256");
  for (const chunk of chunks) hash.update(chunk);
  const sha256 = hash.digest("hex");
  await writeChunks(join(folder, blobFile(sha256)), chunks);
  const graph = await writeGraph(folder, encodeModel(withLocation(structure, sha256)));
  return { ...graph, weights: { file: blobFile(sha256), sha256, bytes, tensors } };
}

async function writeGraph(folder: string, bytes: Uint8Array) {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  await writeFile(join(folder, blobFile(sha256)), bytes);
  return { file: blobFile(sha256), sha256, bytes: bytes.byteLength };
}

async function writeChunks(path: string, chunks: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, "w");
  try {
    for (const chunk of chunks) await file.writeFile(chunk);
  } finally {
    await file.close();
  }
}
