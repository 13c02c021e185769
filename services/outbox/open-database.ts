import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { SightlineError } from "../../runtime/base/errors.ts";
import { makeFolder } from "../../runtime/base/make-folder.ts";
import type { OpenOptions } from "./protocol.ts";
import { migrate } from "./schema.ts";

const BUSY_TIMEOUT_MS = 1_000;
const WAL_BYTES_MAX = 64 * 2 ** 20;
const AUTOCHECKPOINT_PAGES = 1_000;

export interface OpenedDatabase {
  db: Database.Database;
  /** Where a damaged store was moved to. */
  recovered?: string;
}

/**
 * Opens `folder`/results.db for this process alone, creating what is missing. A damaged file is renamed and a
 * fresh one takes its place; counters and `seq` are carried over as far as they can still be read.
 * Errors: ERR_STORE_OPEN.
 */
export function openDatabase({ folder, nowMs }: OpenOptions): OpenedDatabase {
  const path = join(folder, "results.db");
  try {
    makeFolder(folder);
    return { db: openSound(path) };
  } catch (error) {
    if (!isDamage(error)) throw openError(error, path);
  }
  const recovered = `${path}.corrupt-${nowMs}`;
  try {
    setAside(path, recovered);
    const db = openSound(path);
    carryOver(recovered, db);
    return { db, recovered };
  } catch (error) {
    throw openError(error, path);
  }
}

function openSound(path: string): Database.Database {
  const db = new Database(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    configure(db);
    const verdict = db.pragma("quick_check(1)", { simple: true });
    if (verdict !== "ok") throw new DamagedStore(String(verdict));
    migrate(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** The order counts: vacuum mode before the first page is written, exclusive locking before WAL is entered. */
function configure(db: Database.Database): void {
  db.pragma("auto_vacuum = INCREMENTAL");
  db.pragma("locking_mode = EXCLUSIVE");
  db.pragma("journal_mode = WAL");
  // With NORMAL, a power cut may take back commits whose append has already returned.
  db.pragma("synchronous = FULL");
  db.pragma(`journal_size_limit = ${WAL_BYTES_MAX}`);
  db.pragma(`wal_autocheckpoint = ${AUTOCHECKPOINT_PAGES}`);
  // Exclusive mode takes its lock with the first write and keeps it.
  db.exec("BEGIN IMMEDIATE; COMMIT");
}

class DamagedStore extends Error {}

const sqliteCode = (error: unknown): string => (error instanceof Database.SqliteError ? error.code : "");

const isDamage = (error: unknown): boolean =>
  error instanceof DamagedStore || /^SQLITE_(CORRUPT|NOTADB)/.test(sqliteCode(error));

function setAside(path: string, target: string): void {
  for (const suffix of ["", "-wal", "-shm"]) {
    if (existsSync(path + suffix)) renameSync(path + suffix, target + suffix);
  }
}

/** Without this, `seq` would begin at 1 again and consumers would take new results for old ones. */
function carryOver(damaged: string, db: Database.Database): void {
  try {
    db.prepare("ATTACH ? AS damaged").run(damaged);
  } catch {
    return;
  }
  for (const table of ["pipeline", "defect"]) {
    try {
      db.exec(`INSERT INTO main.${table} SELECT * FROM damaged.${table}`);
    } catch (error) {
      if (!(error instanceof Database.SqliteError)) throw error;
    }
  }
  db.exec("DETACH damaged");
}

function openError(error: unknown, path: string): SightlineError {
  if (sqliteCode(error).startsWith("SQLITE_BUSY")) {
    return new SightlineError("ERR_STORE_OPEN", `${path} is in use by another process`, {
      hint: "Another daemon uses this store: stop it (`fuser` names it), or give this one its own `store.path`.",
      cause: error,
    });
  }
  return SightlineError.wrap("ERR_STORE_OPEN", error, path);
}
