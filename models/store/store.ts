import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type Clock, systemClock } from "../../runtime/base/clock.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import { BLOB_FOLDER } from "../bundle/packed.ts";
import { Disk, diskError } from "./disk.ts";

/**
 * A folder of installed models:
 *
 *     blobs/sha256/HEX             each file once, read-only
 *     models/NAME/VERSION/         a bundle whose blobs are hard links to these
 *     models/NAME/current          a link to the VERSION that runs
 *     models/NAME/previous         a link to the one before
 *     models/NAME/highest          the highest version that was ever installed
 *     trust/*.pem                  public keys; with any, only signed models are installed
 *     tmp/                         work in progress; whatever lies there is to be thrown away
 *     lock                         held while something changes
 */
export interface Store {
  blobs: string;
  models: string;
  trust: string;
  tmp: string;
  root: string;
  lock: string;
  disk: Disk;
  clock: Clock;
  /** Sightline's own version, which `min_runtime` is compared with. */
  runtime: string;
}

export interface StoreOptions {
  root: string;
  runtime: string;
  clock?: Clock;
  disk?: Disk;
}

/** Names a store's places; it need not exist before something is installed. */
export function storeAt({ root, runtime, clock = systemClock, disk = new Disk() }: StoreOptions): Store {
  const at = (name: string): string => join(resolve(root), name);
  const places = { blobs: at(BLOB_FOLDER), models: at("models"), trust: at("trust"), tmp: at("tmp") };
  return { root: resolve(root), lock: at("lock"), ...places, disk, clock, runtime };
}

/**
 * Runs `work`, which changes the store, while no one else does. SQLite takes a lock of the kernel's for us: unlike
 * a file with a process id, it cannot outlive its holder, and it works between containers that share the folder.
 * Errors: ERR_MODEL_STORE_BUSY, ERR_MODEL_STORE.
 */
export async function whileLocked<T>(store: Store, work: () => Promise<T>): Promise<T> {
  for (const folder of [store.blobs, store.models, store.tmp]) await store.disk.makeFolder(folder);
  const lock = takeLock(store.lock);
  try {
    // Whoever left something there is dead: the lock was free.
    await store.disk.empty(store.tmp);
    return await work();
  } finally {
    // What cannot be removed now is removed by the next who comes.
    await store.disk.empty(store.tmp).catch(() => {});
    lock.close();
  }
}

function takeLock(file: string): DatabaseSync {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(file);
    lock.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock?.close();
    const SQLITE_BUSY = 5;
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw diskError(error, file);
    throw new SightlineError("ERR_MODEL_STORE_BUSY", `${file} is held by another process`);
  }
}
