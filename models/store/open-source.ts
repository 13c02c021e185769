import { realpath, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { SightlineError } from "../../runtime/base/errors.ts";
import { MANIFEST_FILE } from "../bundle/bundle.ts";
import { fileInBundle, streamOf, textIfAny, textInBundle } from "../bundle/files.ts";
import { SIGNATURE_FILE } from "../bundle/signature.ts";
import type { BundleSource } from "./source.ts";
import { tarSource } from "./tar-source.ts";

/** A bundle in a folder, or in a tar file. Errors: ERR_MODEL_MISSING, ERR_MODEL_MANIFEST, ERR_MODEL_ARCHIVE. */
export async function openSource(path: string): Promise<BundleSource> {
  const place = resolve(path);
  try {
    return (await stat(place)).isFile() ? await tarSource(place) : await folderSource(await realpath(place));
  } catch (error) {
    throw SightlineError.wrap("ERR_MODEL_MISSING", error);
  }
}

async function folderSource(folder: string): Promise<BundleSource> {
  return {
    place: folder,
    manifestText: await textInBundle(folder, MANIFEST_FILE),
    signatureText: await textIfAny(folder, SIGNATURE_FILE),
    damaged: "ERR_MODEL_DIGEST",
    read: (file) => contentOf(folder, file),
    close: async () => {},
  };
}

async function* contentOf(folder: string, file: string): AsyncIterable<Uint8Array> {
  const { path, bytes } = await fileInBundle(folder, file);
  try {
    yield* streamOf(path, bytes);
  } catch (error) {
    throw SightlineError.wrap("ERR_MODEL_MISSING", error, path);
  }
}
