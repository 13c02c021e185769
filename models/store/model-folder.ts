import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { SightlineError } from "../../runtime/base/errors.ts";
import { compareVersions } from "../bundle/requirements.ts";
import { name as nameSchema, version as versionSchema } from "../bundle/scalars.ts";
import { diskError } from "./disk.ts";
import type { Store } from "./store.ts";

/** What the store has of one model. */
export interface ModelFolder {
  name: string;
  /** Absolute. */
  folder: string;
  current: string | undefined;
  previous: string | undefined;
  /** The highest version that was ever installed, also when it is gone. */
  highest: string | undefined;
  /** Versions with a folder, from low to high. */
  versions: string[];
}

/** The models of a store, by name. Errors: ERR_MODEL_STORE. */
export async function readModelFolders(store: Store): Promise<ModelFolder[]> {
  const names = (await entriesOf(store.models)).filter((entry) => nameSchema.safeParse(entry).success);
  return Promise.all(names.sort().map((name) => readModelFolder(store, name)));
}

/** One model's; empty when there is no such model. Errors: ERR_MODEL_STORE. */
export async function readModelFolder({ models }: Store, name: string): Promise<ModelFolder> {
  const folder = join(models, name);
  const entries = await entriesOf(folder);
  const current = await versionIn(folder, "current", readlink);
  const previous = await versionIn(folder, "previous", readlink);
  const written = await versionIn(folder, "highest", (file) => readFile(file, "utf8"));
  // An install may have ended between the step that shows a version and the one that writes it down.
  const highest = [current, previous, written]
    .filter((version) => version !== undefined)
    .sort(compareVersions);
  const versions = entries.filter((entry) => versionSchema.safeParse(entry).success).sort(compareVersions);
  return { name, folder, current, previous, highest: highest.at(-1), versions };
}

/** Makes `models/NAME/LINK` point to a version, in one step. */
export async function pointTo(
  { disk, tmp }: Store,
  { folder }: Pick<ModelFolder, "folder">,
  link: "current" | "previous",
  version: string,
): Promise<void> {
  await disk.symlink(version, join(tmp, link));
  await disk.move(join(tmp, link), join(folder, link));
  await disk.syncFolder(folder);
}

/** Writes down the highest version, in one step. */
export async function noteHighest(
  { disk, tmp }: Store,
  { folder }: ModelFolder,
  version: string,
): Promise<void> {
  await disk.write(join(tmp, "highest"), [version]);
  await disk.move(join(tmp, "highest"), join(folder, "highest"));
  await disk.syncFolder(folder);
}

async function entriesOf(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw diskError(error, folder);
  }
}

async function versionIn(
  folder: string,
  name: string,
  read: (file: string) => Promise<string>,
): Promise<string | undefined> {
  const file = join(folder, name);
  let version: string;
  try {
    version = await read(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw diskError(error, file);
  }
  if (versionSchema.safeParse(version).success) return version;
  throw new SightlineError("ERR_MODEL_STORE", `${file} does not hold a version`, {
    hint: `Write the version into it that was the highest here, or whose folder it is to point to.`,
  });
}
