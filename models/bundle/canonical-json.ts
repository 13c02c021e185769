import { SightlineError } from "../../runtime/base/errors.ts";

/** Far above what a manifest needs, far below what the stack bears. */
const MAX_DEPTH = 64;

/**
 * The one text of a JSON value that RFC 8785 allows: no spaces, keys in the order of their UTF-16 units, numbers
 * and strings as ECMAScript writes them. Errors: ERR_MODEL_MANIFEST for what JSON has no form for (numbers that
 * are not finite, halves of surrogate pairs, undefined) and for more than 64 levels.
 */
export function canonicalJson(value: unknown, levels = MAX_DEPTH): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string" && value.isWellFormed()) return JSON.stringify(value);
  if (typeof value === "number" && Number.isFinite(value)) return JSON.stringify(value);
  if (typeof value !== "object")
    throw refusal(`${typeof value} ${JSON.stringify(String(value).slice(0, 60))}`);
  if (levels === 0) throw refusal(`more than ${MAX_DEPTH} levels`);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, levels - 1)).join(",")}]`;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, item]) => `${canonicalJson(key)}:${canonicalJson(item, levels - 1)}`).join(",")}}`;
}

const refusal = (what: string): SightlineError =>
  new SightlineError("ERR_MODEL_MANIFEST", `there is no canonical JSON for ${what}`);
