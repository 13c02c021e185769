import type { ErrorRecord } from "../../runtime/base/errors.ts";

/** What the main thread and the store's thread say to each other. */
export type Verdict = "pass" | "fail" | "review" | "error";

/** A result on its way into the store; `payload` is JSON that already holds `seq`. */
export interface NewRow {
  pipeline: string;
  seq: number;
  id: string;
  verdict: Verdict;
  /** Defect label → how often this result shows it. */
  defects: Record<string, number>;
  payload: string;
  storedMs: number;
}

/** A result as a sink reads it; `position` grows over all pipelines, `seq` within one. */
export interface ResultRow {
  position: number;
  pipeline: string;
  seq: number;
  id: string;
  verdict: Verdict;
  payload: string;
}

/** Keys as they appear on the wire; `since` is ISO 8601, the time of the first result counted. */
export interface Counters {
  total: number;
  pass: number;
  fail: number;
  review: number;
  error: number;
  by_defect: Record<string, number>;
  since: string | null;
}

export interface OpenOptions {
  folder: string;
  maxBytes: number;
  /** Wall clock, milliseconds; names a damaged store that is set aside. */
  nowMs: number;
}

export interface Opened {
  /** Pipeline → last `seq` given. */
  seqs: Record<string, number>;
  /** Sink → last position acknowledged. */
  cursors: Record<string, number>;
  /** Where a damaged store was moved to. */
  recovered?: string;
}

/** One transaction: rows, cursors of all active sinks, results rejected since the last one by pipeline. */
export interface Commit {
  rows: NewRow[];
  cursors: Record<string, number>;
  rejected: Record<string, number>;
}

export interface Committed {
  /** Undelivered rows deleted to stay below the size limit. */
  dropped: number;
  /** Delivered rows deleted for the same reason. */
  expired: number;
}

/** `bytes` counts pages in use, not the file. */
export interface StoreState {
  depth: number;
  oldestStoredMs: number | null;
  dropped: number;
  bytes: number;
}

/** Every call: what goes in and what comes out. */
export interface Calls {
  open: { in: OpenOptions; out: Opened };
  commit: { in: Commit; out: Committed };
  read: { in: { after: number; limit: number }; out: ResultRow[] };
  counters: { in: string; out: Counters };
  state: { in: { after: number }; out: StoreState };
  close: { in: undefined; out: undefined };
}

export type CallName = keyof Calls;
export type Operations = { [K in CallName]: (input: Calls[K]["in"]) => Calls[K]["out"] };

export interface Request<K extends CallName = CallName> {
  call: number;
  name: K;
  input: Calls[K]["in"];
}

export type Reply = { call: number; value: unknown } | { call: number; error: ErrorRecord };
