import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { diskError } from "./disk.ts";
import { type ModelFolder, readModelFolders } from "./model-folder.ts";
import { type Store, whileLocked } from "./store.ts";

export interface Collected {
  /** `NAME VERSION` of each version that was removed. */
  versions: string[];
  /** What files took that no version has any more. */
  freedBytes: number;
}

/**
 * Removes versions that are neither current nor previous, files that no version has, and what interrupted
 * commands left. Errors: ERR_MODEL_STORE, ERR_MODEL_STORE_BUSY.
 */
export function collectGarbage(store: Store): Promise<Collected> {
  return whileLocked(store, async () => {
    const versions: string[] = [];
    for (const modelFolder of await readModelFolders(store))
      versions.push(...(await clear(store, modelFolder)));
    return { versions, freedBytes: await removeUnlinked(store) };
  });
}

/** A version goes in one step: none is ever there in part. */
async function clear({ disk, tmp }: Store, modelFolder: ModelFolder): Promise<string[]> {
  const { name, folder, current, previous, highest } = modelFolder;
  const old = modelFolder.versions.filter((version) => version !== current && version !== previous);
  for (const version of old) await disk.move(join(folder, version), join(tmp, `${name}-${version}`));
  if (highest === undefined) await disk.move(folder, join(tmp, name));
  await disk.empty(tmp);
  return old.map((version) => `${name} ${version}`);
}

/** The count of a file's names is the count of its users: one name is the store's own. */
async function removeUnlinked({ blobs, disk }: Store): Promise<number> {
  let freedBytes = 0;
  for (const name of await readdir(blobs)) {
    const path = join(blobs, name);
    const { nlink, size } = await stat(path).catch((error) => {
      throw diskError(error, path);
    });
    if (nlink > 1) continue;
    await disk.remove(path);
    freedBytes += size;
  }
  return freedBytes;
}
