import { join } from "node:path";
import { SightlineError } from "../../runtime/base/errors.ts";
import { MANIFEST_FILE } from "../bundle/bundle.ts";
import { textInBundle } from "../bundle/files.ts";
import { readTrusted } from "../bundle/keys.ts";
import type { Manifest } from "../bundle/manifest.ts";
import { blobsOf } from "../bundle/packed.ts";
import { canonicalManifest } from "../bundle/signature.ts";
import { type ModelFolder, readModelFolders } from "./model-folder.ts";
import { openSource } from "./open-source.ts";
import { checkFiles, checkManifest } from "./source.ts";
import type { Store } from "./store.ts";

/** One model as `sightline model list` shows it. */
export interface Listed extends Pick<ModelFolder, "name" | "current" | "previous" | "highest"> {
  /** Of the current version's files. */
  bytes: number;
}

/**
 * What is installed, by name; files are not verified. A model whose manifest is broken gives its error. Errors:
 * ERR_MODEL_STORE.
 */
export async function listInstalled(
  store: Store,
): Promise<(Listed | (Pick<Listed, "name"> & { error: SightlineError }))[]> {
  const modelFolders = (await readModelFolders(store)).filter(({ current }) => current !== undefined);
  return Promise.all(
    modelFolders.map((modelFolder) =>
      listed(modelFolder).catch((error) => ({
        name: modelFolder.name,
        error: SightlineError.wrap("ERR_MODEL_STORE", error),
      })),
    ),
  );
}

async function listed({ name, folder, current = "", previous, highest }: ModelFolder): Promise<Listed> {
  const { manifest } = checkManifest(await openSource(join(folder, current)), []);
  const bytes = blobsOf(manifest).reduce((sum, blob) => sum + blob.bytes, 0);
  return { name, current, previous, highest, bytes };
}

/** One installed version, and what is wrong with it. */
export interface Verified {
  name: string;
  version: string;
  error: SightlineError | undefined;
}

/** Reads every file of the current and the previous version of each model. Errors: ERR_MODEL_STORE. */
export async function verifyInstalled(store: Store): Promise<Verified[]> {
  const verified: Verified[] = [];
  for (const modelFolder of await readModelFolders(store)) {
    for (const version of new Set([modelFolder.current, modelFolder.previous])) {
      if (version === undefined) continue;
      const error = await checkInstalled(store, modelFolder, version).then(
        () => undefined,
        (reason) => SightlineError.wrap("ERR_MODEL_STORE", reason),
      );
      verified.push({ name: modelFolder.name, version, error });
    }
  }
  return verified;
}

/**
 * An installed version, once its signature and all of its files are verified. Errors: ERR_MODEL_MISSING, _MANIFEST,
 * _SIGNATURE, _DIGEST, _KEY.
 */
export async function checkInstalled(
  { trust }: Store,
  { folder, name }: ModelFolder,
  version: string,
): Promise<Manifest> {
  const source = await openSource(join(folder, version));
  const { manifest } = checkManifest(source, await readTrusted(trust));
  if (manifest.name !== name || manifest.version !== version) {
    const message = `${source.place} holds ${manifest.name} ${manifest.version}`;
    throw new SightlineError("ERR_MODEL_MANIFEST", message);
  }
  await checkFiles(source, blobsOf(manifest));
  return manifest;
}

/** The canonical manifest in an installed version's folder. Errors: ERR_MODEL_MISSING, ERR_MODEL_MANIFEST. */
export async function manifestOfVersion(folder: string): Promise<string> {
  try {
    return canonicalManifest(await textInBundle(folder, MANIFEST_FILE));
  } catch (error) {
    throw SightlineError.wrap("ERR_MODEL_MANIFEST", error, join(folder, MANIFEST_FILE));
  }
}
