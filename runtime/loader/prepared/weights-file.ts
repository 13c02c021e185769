import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { elementType } from "../../../models/onnx/element-types.ts";
import { sizeBytes } from "../../../models/onnx/flow.ts";
import type { TensorProto } from "../../../models/onnx/proto/onnx_pb.js";
import { isExternal } from "../../../models/onnx/tensor.ts";
import type { MappedTensor } from "../../session/execution-provider.ts";

const PAGE_BYTES = 4096;
/** What vector instructions like; slices begin at pages besides, so that each can be let go alone. */
const ALIGN_BYTES = 64;
const CHUNK_BYTES = 2 ** 20;

const alignUp = (value: number, to: number): number => Math.ceil(value / to) * to;

/** Whether the tensor is in another file and of a type that can be mapped. */
export const isMappable = (tensor: TensorProto): boolean =>
  isExternal(tensor) && elementType(tensor.dataType) !== undefined;

/** Where each tensor goes; each group begins at a page. A tensor that several groups read is with the first. */
export function placeTensors(groups: readonly (readonly TensorProto[])[]): Map<string, MappedTensor> {
  const places = new Map<string, MappedTensor>();
  let end = 0;
  for (const group of groups) {
    end = alignUp(end, PAGE_BYTES);
    for (const tensor of group) {
      if (places.has(tensor.name)) continue;
      const offset = alignUp(end, ALIGN_BYTES);
      const bytes = sizeBytes(tensor);
      const dims = tensor.dims.map(Number);
      places.set(tensor.name, { name: tensor.name, type: tensor.dataType, dims, offset, bytes });
      end = offset + bytes;
    }
  }
  return places;
}

/**
 * Copies tensors from the file that ONNX Runtime wrote into one of our order, a piece at a time. Gives what was
 * written. Errors: those of the file system.
 */
export async function copyWeights(
  from: { folder: string; tensors: readonly TensorProto[] },
  to: string,
  places: ReadonlyMap<string, MappedTensor>,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256");
  const sources = new Map<string, FileHandle>();
  const target = await open(to, "wx", 0o644);
  let end = 0;
  const write = async (chunk: Uint8Array) => {
    hash.update(chunk);
    await target.writeFile(chunk);
    end += chunk.byteLength;
  };
  try {
    for (const { bytes, name, offset } of places.values()) {
      const source = sourceOf(from.tensors, name);
      const path = join(from.folder, source.location);
      const file = sources.get(path) ?? (await open(path));
      sources.set(path, file);
      await write(new Uint8Array(offset - end));
      for await (const chunk of partOf(file, source.offset, bytes)) await write(chunk);
    }
    await target.sync();
    return { bytes: end, sha256: hash.digest("hex") };
  } finally {
    await Promise.all([target, ...sources.values()].map((file) => file.close()));
  }
}

function sourceOf(tensors: readonly TensorProto[], name: string): { location: string; offset: number } {
  const tensor = tensors.find((each) => each.name === name);
  const entries = new Map(tensor?.externalData.map(({ key, value }) => [key, value]));
  return { location: entries.get("location") ?? "", offset: Number(entries.get("offset") ?? 0) };
}

async function* partOf(file: FileHandle, offset: number, bytes: number): AsyncGenerator<Uint8Array> {
  const chunk = new Uint8Array(Math.min(CHUNK_BYTES, bytes));
  for (let at = 0; at < bytes; ) {
    const wanted = Math.min(chunk.byteLength, bytes - at);
    const { bytesRead } = await file.read(chunk, 0, wanted, offset + at);
    if (bytesRead === 0) throw new Error(`the file ends ${bytes - at} bytes too early`);
    yield chunk.subarray(0, bytesRead);
    at += bytesRead;
  }
}
