import type { ResultRow } from "./result-log.ts";

/** The few fields that a PLC gateway or a flow editor needs; what a result lacks is null. */
export interface VerdictSummary {
  id: string;
  seq: number;
  ts: unknown;
  ts_ms: unknown;
  part_id: unknown;
  trigger_id: unknown;
  recipe_id: unknown;
  verdict: string;
  evaluation: unknown;
  reason: unknown;
  score: unknown;
}

type Json = Record<string, unknown>;

export function verdictSummary(row: ResultRow, payload: Json): VerdictSummary {
  const recipe = isObject(payload.recipe) ? payload.recipe : {};
  const frame = isObject(payload.frame) ? payload.frame : {};
  const reasons = Array.isArray(payload.reasons) ? payload.reasons : [];
  return {
    id: row.id,
    seq: row.seq,
    ts: payload.ts ?? null,
    ts_ms: payload.ts_ms ?? null,
    part_id: payload.part_id ?? null,
    trigger_id: frame.trigger_id ?? null,
    recipe_id: recipe.id ?? null,
    verdict: row.verdict,
    evaluation: payload.evaluation ?? null,
    reason: reasons[0] ?? null,
    score: payload.score ?? null,
  };
}

/** The payload as an object; empty when it is something else, so that a strange row cannot stop the others. */
export function parsePayload(json: string): Json {
  try {
    const value: unknown = JSON.parse(json);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
