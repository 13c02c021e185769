import type { NewResult, Verdict } from "../../services/outbox/outbox.ts";

/** A result as a pipeline makes it; `n` tells one from the other. */
export function result(
  n: number,
  { pipeline = "top", verdict = "pass" as Verdict, padding = 0 } = {},
): NewResult {
  const id = `${pipeline}-${n}`;
  const defects: Record<string, number> = verdict === "fail" ? { scratch: 2 } : {};
  return {
    pipeline,
    id,
    verdict,
    defects,
    payload: {
      schema: "inspection.result/1",
      id,
      pipeline,
      verdict,
      ts: "2026-11-21T22:46:08.123Z",
      ts_ms: 1_795_301_168_123,
      reasons: verdict === "fail" ? ["scratch>0.5mm", "dent"] : [],
      recipe: { id: "sku9-top", rev: 12 },
      padding: "x".repeat(padding),
    },
  };
}

export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);
