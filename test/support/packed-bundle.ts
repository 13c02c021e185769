import { createHash, type KeyObject } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { blobFile } from "../../models/bundle/packed.ts";
import { signBundle } from "../../toolchain/pack/pack.ts";
import { manifest } from "../unit/models/manifest.ts";

export const sha256Of = (content: Uint8Array | string): string =>
  createHash("sha256").update(content).digest("hex");

export interface PackedParts {
  version: string;
  graph?: Buffer;
  weights?: Buffer;
  /** Of the weights, in order and without gaps. */
  tensors?: { name: string; dtype: string; bytes: number }[];
  /** Other keys of the manifest. */
  changes?: object;
  key?: KeyObject;
}

/** Writes a packed bundle of one stage to `folder`. */
export async function writePacked(folder: string, parts: PackedParts): Promise<void> {
  const graph = parts.graph ?? Buffer.from("a graph");
  const stage = {
    ...place(graph),
    ...(parts.weights && { weights: weightsOf(parts.weights, parts.tensors) }),
  };
  const variants = [{ name: "int8", targets: ["any"], stages: [stage] }];
  await mkdir(join(folder, "blobs/sha256"), { recursive: true });
  for (const content of [graph, parts.weights]) {
    if (content) await writeFile(join(folder, blobFile(sha256Of(content))), content);
  }
  const whole = { ...manifest(), version: parts.version, variants, ...parts.changes };
  await writeFile(join(folder, "manifest.json"), JSON.stringify(whole));
  if (parts.key) await signBundle(folder, parts.key);
}

const place = (content: Buffer) => ({
  file: blobFile(sha256Of(content)),
  sha256: sha256Of(content),
  bytes: content.length,
});

function weightsOf(content: Buffer, tensors: PackedParts["tensors"] = []) {
  let end = 0;
  const table = tensors.map((tensor) => {
    const offset = end;
    end += tensor.bytes;
    return { ...tensor, offset };
  });
  return { ...place(content), tensors: table };
}
