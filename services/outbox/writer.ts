import { parentPort } from "node:worker_threads";
import { SqliteError } from "better-sqlite3";
import { type ErrorCode, SightlineError } from "../../runtime/base/errors.ts";
import { openDatabase } from "./open-database.ts";
import type { CallName, Calls, Operations, Reply, Request } from "./protocol.ts";
import { ResultTable } from "./result-table.ts";

/** The store's thread: SQLite blocks, so it does that here. Answers one request at a time, in order. */

let close = (): void => {};
let table: ResultTable | undefined;

const operations: Operations = {
  open(options) {
    const { db, recovered } = openDatabase(options);
    table = new ResultTable(db, options.maxBytes);
    close = () => db.close();
    return { ...table.opened(), ...(recovered === undefined ? {} : { recovered }) };
  },
  commit: (commit) => opened().commit(commit),
  read: ({ after, limit }) => opened().read(after, limit),
  counters: (pipeline) => opened().counters(pipeline),
  state: ({ after }) => opened().state(after),
  close() {
    close();
    return undefined;
  },
};

parentPort?.on("message", ({ call, name, input }: Request) => {
  parentPort?.postMessage(answer(call, name, input));
  if (name === "close") parentPort?.close();
});

function answer<K extends CallName>(call: number, name: K, input: Calls[K]["in"]): Reply {
  try {
    return { call, value: operations[name](input) };
  } catch (error) {
    return { call, error: storeError(name, error).toRecord() };
  }
}

function opened(): ResultTable {
  if (!table) throw new SightlineError("ERR_STORE_OPEN", "The result store is not open");
  return table;
}

function storeError(name: CallName, error: unknown): SightlineError {
  if (error instanceof SightlineError) return error;
  const code: ErrorCode = name === "open" ? "ERR_STORE_OPEN" : "ERR_STORE_WRITE";
  return SightlineError.wrap(code, error, error instanceof SqliteError ? error.code : undefined);
}
