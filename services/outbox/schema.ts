import type { Database } from "better-sqlite3";
import type { Verdict } from "./protocol.ts";

/** Which results are worth keeping when room runs out: the lowest rank goes first. */
export const RANK: Record<Verdict, number> = { pass: 0, review: 1, fail: 2, error: 2 };

/**
 * Step n brings a store from `user_version` n to n + 1. Steps only add, so that an older release can still read
 * a store after a rollback; a shipped step never changes.
 *
 * AUTOINCREMENT: a position must not be used again after its row was deleted, or a cursor would skip the new row.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE result (
     position  INTEGER PRIMARY KEY AUTOINCREMENT,
     pipeline  TEXT NOT NULL,
     seq       INTEGER NOT NULL,
     id        TEXT NOT NULL,
     verdict   TEXT NOT NULL,
     rank      INTEGER NOT NULL,
     stored_ms INTEGER NOT NULL,
     payload   TEXT NOT NULL
   ) STRICT;
   CREATE INDEX result_by_rank ON result (rank);
   CREATE TABLE pipeline (
     name     TEXT PRIMARY KEY,
     seq      INTEGER NOT NULL DEFAULT 0,
     total    INTEGER NOT NULL DEFAULT 0,
     pass     INTEGER NOT NULL DEFAULT 0,
     fail     INTEGER NOT NULL DEFAULT 0,
     review   INTEGER NOT NULL DEFAULT 0,
     error    INTEGER NOT NULL DEFAULT 0,
     dropped  INTEGER NOT NULL DEFAULT 0,
     since_ms INTEGER
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE defect (
     pipeline TEXT NOT NULL,
     label    TEXT NOT NULL,
     count    INTEGER NOT NULL,
     PRIMARY KEY (pipeline, label)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE cursor (
     sink     TEXT PRIMARY KEY,
     position INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;`,
];

export function migrate(db: Database): void {
  const version = Number(db.pragma("user_version", { simple: true }));
  db.transaction(() => {
    for (const [offset, step] of MIGRATIONS.slice(version).entries()) {
      db.exec(step);
      db.pragma(`user_version = ${version + offset + 1}`);
    }
  })();
}
