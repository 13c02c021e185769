import { SightlineError } from "../../runtime/base/errors.ts";
import { MANIFEST_FILE } from "../bundle/bundle.ts";
import { MAX_TEXT_BYTES } from "../bundle/files.ts";
import { BLOB_FOLDER } from "../bundle/packed.ts";
import { SIGNATURE_FILE } from "../bundle/signature.ts";
import { type OpenFile, openFile } from "./open-file.ts";
import type { BundleSource } from "./source.ts";
import { readTar, type TarEntry } from "./tar.ts";

const CHUNK_BYTES = 2 ** 20;

const TEXTS = [MANIFEST_FILE, SIGNATURE_FILE];
const BLOB = new RegExp(`^${BLOB_FOLDER}/[0-9a-f]{64}$`);

/** A packed bundle in an uncompressed tar. Errors: ERR_MODEL_ARCHIVE, ERR_MODEL_MISSING. */
export async function tarSource(path: string): Promise<BundleSource> {
  const tar = await openFile(path, "ERR_MODEL_ARCHIVE");
  try {
    const entries = entriesByName(path, await readTar(tar));
    const manifest = entries.get(MANIFEST_FILE);
    if (!manifest)
      throw new SightlineError("ERR_MODEL_ARCHIVE", `${path}: there is no ${MANIFEST_FILE} in it`);
    const signature = entries.get(SIGNATURE_FILE);
    return {
      place: path,
      manifestText: await textOf(tar, manifest),
      signatureText: signature && (await textOf(tar, signature)),
      damaged: "ERR_MODEL_DIGEST",
      read: (file) => contentOf(tar, entries.get(file), `${path}: ${file}`),
      close: () => tar.close(),
    };
  } catch (error) {
    await tar.close();
    throw error;
  }
}

function entriesByName(path: string, entries: readonly TarEntry[]): Map<string, TarEntry> {
  const byName = new Map<string, TarEntry>();
  for (const entry of entries) {
    const { name } = entry;
    const isKnown = TEXTS.includes(name) || BLOB.test(name);
    if (!isKnown)
      throw new SightlineError(
        "ERR_MODEL_ARCHIVE",
        `${path}: ${JSON.stringify(name)} is not part of a bundle`,
      );
    if (byName.has(name)) throw new SightlineError("ERR_MODEL_ARCHIVE", `${path}: ${name} appears twice`);
    byName.set(name, entry);
  }
  return byName;
}

async function textOf(tar: OpenFile, { name, offset, bytes }: TarEntry): Promise<string> {
  if (bytes > MAX_TEXT_BYTES) throw new SightlineError("ERR_MODEL_ARCHIVE", `${name} is larger than 1 MiB`);
  const content = Buffer.alloc(bytes);
  await tar.read(content, offset);
  return content.toString("utf8");
}

async function* contentOf(
  tar: OpenFile,
  entry: TarEntry | undefined,
  what: string,
): AsyncIterable<Uint8Array> {
  if (!entry) throw new SightlineError("ERR_MODEL_MISSING", `${what} is not in it`);
  const end = entry.offset + entry.bytes;
  for (let position = entry.offset; position < end; position += CHUNK_BYTES) {
    const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, end - position));
    await tar.read(chunk, position);
    yield chunk;
  }
}
