import { closest } from "./closest.ts";
import { isRecord, type JsonSchema, type Path, schemaAt, valueAt } from "./json-schema.ts";

/** What a schema library says about a value; the shape of Zod 4's issues. */
export interface Issue {
  readonly code: string;
  readonly path: Path;
  readonly message: string;
  readonly keys?: readonly string[];
  readonly discriminator?: string | undefined;
  readonly options?: readonly unknown[];
  readonly params?: Readonly<Record<string, unknown>> | undefined;
}

/** The same for people. `at` says which part to point at: the value, its key, or the map that lacks it. */
export interface Explained {
  path: Path;
  at: "value" | "key" | "parent";
  message: string;
  hint?: string | undefined;
}

/** Turns an issue about `input`, which should follow `schema`, into sentences; one for each unknown key. */
export function explainIssue(schema: JsonSchema, issue: Issue, input: unknown): Explained[] {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") {
    return (issue.keys ?? []).map((key) => unknownKey(schema, path, key, input));
  }
  if (issue.code === "invalid_key") return [badName(schema, path, input)];
  if (issue.code === "custom") return [ownCheck(issue)];
  const here = issue.discriminator === undefined ? schemaAt(schema, path, input) : { enum: options(issue) };
  const value = valueAt(input, path);
  return [value === undefined ? missingKey(path, here) : badValue(path, here, value)];
}

/** What a value of this schema may be, as it follows "must be": `a number from 0 to 1`. */
export function typeText(schema: JsonSchema): string {
  if (schema["x-noun"]) return schema["x-noun"];
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return orList(schema.enum.map((value) => JSON.stringify(value)));
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches) return orList([...new Set(branches.map(typeText))]);
  if (schema.type === "integer") return `a whole number${rangeText(schema)}`;
  if (schema.type === "number") return `a number${rangeText(schema)}`;
  if (schema.type === "boolean") return "true or false";
  if (schema.type === "array") return listText(schema);
  if (schema.type === "object") return "a map of keys";
  return schema.minLength ? "text that is not empty" : "text";
}

function listText({ minItems = 0, maxItems }: JsonSchema): string {
  if (maxItems !== undefined) return `a list of ${minItems} to ${maxItems} entries`;
  return minItems > 0 ? "a list with at least one entry" : "a list";
}

/** `cameras.top.files[2]`; a name that would not read well there is quoted. */
export function pathText(path: Path): string {
  const parts = path.map((key) => {
    if (typeof key === "number") return `[${key}]`;
    return /^[\w-]{1,64}$/.test(String(key)) ? `.${String(key)}` : `.${shown(String(key))}`;
  });
  return parts.join("").replace(/^\./, "");
}

function unknownKey(schema: JsonSchema, path: Path, key: string, input: unknown): Explained {
  const known = Object.keys(schemaAt(schema, path, input)?.properties ?? {});
  const meant = closest(key, known);
  const hint = meant ? `did you mean "${meant}"?` : `known here: ${known.join(", ")}`;
  return { path: [...path, key], at: "key", message: `unknown key ${shown(key)}`, hint };
}

function badName(schema: JsonSchema, path: Path, input: unknown): Explained {
  const name = String(path.at(-1));
  const names = schemaAt(schema, path.slice(0, -1), input)?.propertyNames ?? {};
  const message = `the name ${shown(name)} must be ${typeText(names)}`;
  return { path, at: "key", message, hint: tamed(names, name) };
}

function ownCheck({ path, message, params }: Issue): Explained {
  const hint = typeof params?.hint === "string" ? params.hint : undefined;
  return { path, at: params?.at === "key" ? "key" : "value", message, hint };
}

function missingKey(path: Path, schema: JsonSchema | undefined): Explained {
  const message = `missing key ${shown(String(path.at(-1)))}`;
  return { path, at: "parent", message, hint: schema && `it takes ${typeText(schema)}` };
}

function badValue(path: Path, schema: JsonSchema = {}, value: unknown): Explained {
  const wanted = `must be ${typeText(schema)}`;
  if (value === null) return { path, at: "value", message: `${wanted}, but nothing is written here` };
  const message = schema["x-secret"] ? wanted : `${wanted}, not ${kindAndValue(value)}`;
  return { path, at: "value", message, hint: remedy(schema, value) };
}

/** What to write instead, where a slip is likely. */
function remedy(schema: JsonSchema, value: unknown): string | undefined {
  const choices = schema.enum ?? (schema.const === undefined ? [] : [schema.const]);
  if (typeof value === "number") {
    if (schema["x-units"]) return `write ${orList(schema["x-units"].map((unit) => `"${value}${unit}"`))}`;
    if (choices.includes(String(value))) return `put it in quotes: "${value}"`;
    return schema.type === "string" ? "put it in quotes" : undefined;
  }
  if (typeof value === "boolean") return schema.type === "string" ? "put it in quotes" : undefined;
  if (typeof value !== "string") return undefined;
  if (schema.type === "boolean" && /^(yes|no|on|off|true|false)$/i.test(value)) {
    return `write ${/^(yes|on|true)$/i.test(value) ? "true" : "false"}`;
  }
  if (takesNumber(schema) && isNumeric(value)) return `remove the quotes: ${value.trim()}`;
  if (takesNumber(schema) && value.includes("${"))
    return "a substitution always gives text: write the number";
  const meant = closest(
    value,
    choices.filter((choice) => typeof choice === "string"),
  );
  return meant ? `did you mean "${meant}"?` : tamed(schema, value);
}

/** Small letters and dashes often turn what was meant into what is allowed. */
function tamed({ pattern }: JsonSchema, text: string): string | undefined {
  const tame = text.toLowerCase().replaceAll(/[\s.]+/g, "-");
  const allowed = pattern !== undefined && tame !== text && new RegExp(pattern, "u").test(tame);
  return allowed ? `write ${shown(tame)}` : undefined;
}

const takesNumber = (schema: JsonSchema): boolean =>
  schema.type === "number" || schema.type === "integer" || (schema.anyOf ?? []).some(takesNumber);

const isNumeric = (text: string): boolean => text.trim() !== "" && Number.isFinite(Number(text));

const options = (issue: Issue): unknown[] => [...(issue.options ?? [])];

const orList = (words: string[]): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;

/** Zod writes the safe integers as bounds; they say nothing to a reader. */
function rangeText({ minimum, maximum, exclusiveMinimum }: JsonSchema): string {
  const low = minimum === -Number.MAX_SAFE_INTEGER ? undefined : minimum;
  const high = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const above = exclusiveMinimum === undefined ? "" : ` above ${exclusiveMinimum}`;
  if (above) return high === undefined ? above : `${above} up to ${high}`;
  if (low !== undefined && high !== undefined) return ` from ${low} to ${high}`;
  if (low !== undefined) return ` of at least ${low}`;
  return high === undefined ? "" : ` of at most ${high}`;
}

function kindAndValue(value: unknown): string {
  if (typeof value === "string") return `the text ${shown(withoutCredentials(value))}`;
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (isRecord(value)) return "a map of keys";
  return typeof value === "number" ? `the number ${value}` : String(value);
}

const withoutCredentials = (text: string): string => text.replace(/\/\/[^/@]*@/, "//•••@");

/** Quoted, on one line, and no longer than a line bears. */
const shown = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}…` : text);
