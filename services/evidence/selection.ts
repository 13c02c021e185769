import { createHash } from "node:crypto";
import type { Verdict } from "../../runtime/pipeline/decide.ts";

export interface SelectionOptions {
  /** All pictures of these are kept. */
  verdicts: readonly Verdict[];
  /** The share of passes that is kept, 0 to 1. */
  auditSample: number;
}

/** The same result gets the same answer each time and at each device: the sample is drawn from the id alone. */
export function isKept(
  { id, verdict }: { id: string; verdict: Verdict },
  options: SelectionOptions,
): boolean {
  if (verdict !== "pass") return options.verdicts.includes(verdict);
  return lot(id) < options.auditSample;
}

/** A number in [0, 1) from a result's id. */
const lot = (id: string): number => createHash("sha256").update(id).digest().readUInt32BE() / 2 ** 32;
