import { stringify } from "yaml";
import { mapMarked } from "../runtime/base/json-schema.ts";
import { jsonSchema } from "./json-schema.ts";
import { type Config, toFileForm } from "./schema/schema.ts";
import { escapeSubstitution } from "./substitute.ts";

/** A configuration, parsed or as written, with every secret masked. */
export const redact = <T>(value: T): T => mapMarked(jsonSchema, value, "x-secret", () => "•••") as T;

/** The text of a file that parses to `config`, with every default written out and every secret masked. */
export const effectiveYaml = (config: Config): string =>
  stringify(escaped(redact(toFileForm(config))), { lineWidth: 0 });

function escaped(value: unknown): unknown {
  if (typeof value === "string") return escapeSubstitution(value);
  if (Array.isArray(value)) return value.map(escaped);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, escaped(item)]));
}
