import { createHash } from "node:crypto";
import { stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { SightlineError } from "../../runtime/base/errors.ts";
import { MANIFEST_FILE } from "../bundle/bundle.ts";
import { streamOf } from "../bundle/files.ts";
import { readTrusted } from "../bundle/keys.ts";
import { BLOB_FOLDER, type BundleFile, blobsOf } from "../bundle/packed.ts";
import { checkRequirements, compareVersions } from "../bundle/requirements.ts";
import { canonicalManifest, SIGNATURE_FILE } from "../bundle/signature.ts";
import { diskError } from "./disk.ts";
import { manifestOfVersion } from "./installed.ts";
import { type ModelFolder, noteHighest, pointTo, readModelFolder, readModelFolders } from "./model-folder.ts";
import { type BundleSource, type CheckedManifest, checkManifest, verifiedContent } from "./source.ts";
import { type Store, whileLocked } from "./store.ts";

/** Room for folders, links and manifests. */
const SPARE_BYTES = 2 ** 20;

export interface Installed {
  name: string;
  version: string;
  /** The id of the key that signed it; undefined when the store trusts none. */
  signedBy: string | undefined;
  /** What was copied: files that the store had already are shared. */
  addedBytes: number;
  /** It was the current version before; damaged files of it were replaced. */
  wasCurrent: boolean;
}

/**
 * Installs a packed bundle and makes it the current version of its model. Nothing that is seen changes before all of
 * it is verified and on disk; ended at any point, the version before goes on. Errors: ERR_MODEL_MANIFEST (not valid,
 * not packed), _SIGNATURE, _EXPIRED, _RUNTIME, _ROLLBACK, _DIGEST, _MISSING, _KEY, _STORE, _STORE_FULL, _STORE_BUSY.
 */
export async function install(store: Store, source: BundleSource): Promise<Installed> {
  const checked = checkManifest(source, await readTrusted(store.trust));
  checkRequirements(checked.manifest, { nowMs: store.clock.wallMs(), runtime: store.runtime });
  const blobs = blobsOf(checked.manifest);
  return whileLocked(store, () => installChecked(store, { source, checked, blobs }));
}

/** A bundle that is welcome, as far as its manifest goes. */
interface CheckedBundle {
  source: BundleSource;
  checked: CheckedManifest;
  blobs: readonly BundleFile[];
}

async function installChecked(store: Store, bundle: CheckedBundle): Promise<Installed> {
  const { source, checked, blobs } = bundle;
  const { name, version } = checked.manifest;
  const modelFolder = await readModelFolder(store, name);
  const wasCurrent = await isCurrent(modelFolder, checked);
  if (!wasCurrent) refuseOld(modelFolder, version);
  const missing = await missingBlobs(store, blobs);
  const addedBytes = missing.reduce((sum, { bytes }) => sum + bytes, 0);
  await requireSpace(store, addedBytes);
  for (const blob of missing) await addBlob(store, source, blob);
  if (!wasCurrent) await addVersion(store, modelFolder, bundle);
  await show(store, modelFolder, version);
  return { name, version, signedBy: checked.signedBy, addedBytes, wasCurrent };
}

async function isCurrent(
  { folder, current }: ModelFolder,
  { manifest, text }: CheckedManifest,
): Promise<boolean> {
  if (current !== manifest.version) return false;
  return (await manifestOfVersion(join(folder, current))) === canonicalManifest(text);
}

function refuseOld({ name, highest }: ModelFolder, version: string): void {
  if (highest === undefined || compareVersions(version, highest) > 0) return;
  const message = `${name} ${version} is not higher than ${highest}, which was installed before`;
  throw new SightlineError("ERR_MODEL_ROLLBACK", message);
}

/** Those that the store lacks, or has damaged. */
async function missingBlobs({ blobs }: Store, wanted: readonly BundleFile[]): Promise<BundleFile[]> {
  const missing: BundleFile[] = [];
  for (const blob of wanted) {
    const has = await holds(join(blobs, blob.sha256), blob);
    if (!has) missing.push(blob);
  }
  return missing;
}

async function holds(path: string, { bytes, sha256 }: BundleFile): Promise<boolean> {
  const hash = createHash("sha256");
  try {
    if ((await stat(path)).size !== bytes) return false;
    await pipeline(streamOf(path, bytes), hash);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A disk that cannot read a file back has lost it: it is written anew.
    if (code === "ENOENT" || code === "EIO") return false;
    throw diskError(error, path);
  }
  return hash.digest("hex") === sha256;
}

async function requireSpace({ root }: Store, addedBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(root);
  const freeBytes = bavail * bsize;
  if (freeBytes >= addedBytes + SPARE_BYTES) return;
  const message = `${root}: ${addedBytes} bytes are needed, but only ${freeBytes} are free`;
  throw new SightlineError("ERR_MODEL_STORE_FULL", message);
}

/** Copies a blob into the store, and gives it to installed versions that have a damaged file of its name. */
async function addBlob(store: Store, source: BundleSource, blob: BundleFile): Promise<void> {
  const { blobs, disk, tmp } = store;
  const grown = join(tmp, blob.sha256);
  await disk.write(grown, verifiedContent(source, blob));
  await disk.move(grown, join(blobs, blob.sha256));
  await disk.syncFolder(blobs);
  for (const { folder, versions } of await readModelFolders(store)) {
    for (const version of versions) await relink(store, join(folder, version, BLOB_FOLDER), blob.sha256);
  }
}

async function relink({ blobs, disk, tmp }: Store, folder: string, sha256: string): Promise<void> {
  const isThere = await stat(join(folder, sha256)).then(
    () => true,
    () => false,
  );
  if (!isThere) return;
  await disk.link(join(blobs, sha256), join(tmp, sha256));
  await disk.move(join(tmp, sha256), join(folder, sha256));
  await disk.syncFolder(folder);
}

/** Makes the version's folder in `tmp` and moves it to its place. */
async function addVersion(
  { blobs: shared, disk, tmp }: Store,
  { folder, versions }: ModelFolder,
  { source, checked, blobs }: CheckedBundle,
): Promise<void> {
  const { version } = checked.manifest;
  // An install that ended before it showed the version leaves its folder.
  if (versions.includes(version)) await disk.move(join(folder, version), join(tmp, "leftover"));
  const grown = join(tmp, version);
  await disk.makeFolder(join(grown, BLOB_FOLDER));
  for (const { file, sha256 } of blobs) await disk.link(join(shared, sha256), join(grown, file));
  await disk.write(join(grown, MANIFEST_FILE), [canonicalManifest(checked.text)]);
  if (source.signatureText !== undefined)
    await disk.write(join(grown, SIGNATURE_FILE), [source.signatureText]);
  await disk.syncFolder(join(grown, BLOB_FOLDER));
  await disk.syncFolder(grown);
  await disk.makeFolder(folder);
  await disk.move(grown, join(folder, version));
  await disk.syncFolder(folder);
}

async function show(store: Store, modelFolder: ModelFolder, version: string): Promise<void> {
  const { current, highest = version } = modelFolder;
  if (current !== undefined && current !== version) await pointTo(store, modelFolder, "previous", current);
  if (current !== version) await pointTo(store, modelFolder, "current", version);
  await noteHighest(store, modelFolder, compareVersions(version, highest) > 0 ? version : highest);
}
