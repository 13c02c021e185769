import { mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

export interface WriteOptions {
  /** A folder where the file grows; on the same file system as its place. */
  temporary: string;
  /** Survives a power failure once the promise resolves. */
  durable: boolean;
}

/**
 * Either all of the bytes are there under the name, or the name is not: they are written elsewhere and moved.
 * Errors: those of the file system.
 */
export async function writeWhole(path: string, bytes: Uint8Array, options: WriteOptions): Promise<void> {
  const { durable, temporary } = options;
  const grown = join(temporary, `${basename(dirname(path))}-${basename(path)}`);
  try {
    await writeNew(grown, bytes, durable);
    const folder = dirname(path);
    const first = await mkdir(folder, { recursive: true });
    await rename(grown, path);
    if (durable) await syncFolders(folder, first === undefined ? folder : dirname(first));
  } catch (error) {
    await rm(grown, { force: true }).catch(() => {});
    throw error;
  }
}

async function writeNew(path: string, bytes: Uint8Array, durable: boolean): Promise<void> {
  const file = await open(path, "w");
  try {
    await file.writeFile(bytes);
    if (durable) await file.sync();
  } finally {
    await file.close();
  }
}

/** A name is durable when its folder is, and a new folder's name when the folder above it is. */
async function syncFolders(from: string, to: string): Promise<void> {
  for (let folder = from; ; folder = dirname(folder)) {
    const handle = await open(folder);
    await handle.sync().finally(() => handle.close());
    if (folder === to) return;
  }
}
