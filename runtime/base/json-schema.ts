/**
 * The part of JSON Schema (2020-12) that describes our own files, read as plain data: to say what a key takes,
 * to find its description, and to visit marked values. Keys that start with `x-` are ours.
 */
export interface JsonSchema {
  type?: string;
  title?: string;
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minItems?: number;
  maxItems?: number;
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  propertyNames?: JsonSchema;
  additionalProperties?: JsonSchema | boolean;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  /** What the value is, for people, with its article: `a duration such as "250ms"`. */
  "x-noun"?: string;
  /** Units to offer when a bare number stands where the value needs one. */
  "x-units"?: string[];
  /** A path of a file or folder; a relative one counts from the file that names it. */
  "x-path"?: boolean;
  /** Never shown. */
  "x-secret"?: boolean;
}

export type Path = readonly PropertyKey[];
export type Mark = "x-path" | "x-secret";

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** One step into a value; undefined when there is nothing. Inherited properties do not count. */
export function child(value: unknown, key: PropertyKey): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined;
}

export const valueAt = (value: unknown, path: Path): unknown => path.reduce<unknown>(child, value);

/** The schema of the value at `path`; `root` tells which branch of a union applies on the way. */
export function schemaAt(schema: JsonSchema, path: Path, root: unknown): JsonSchema | undefined {
  let here: JsonSchema | undefined = branchFor(schema, root);
  let value = root;
  for (const key of path) {
    value = child(value, key);
    const below: JsonSchema | undefined = here && schemaOfKey(here, key);
    here = below && branchFor(below, value);
  }
  return here;
}

/** `value` with every marked text replaced by `replace(text)`; what is not marked is shared, not copied. */
export function mapMarked(
  schema: JsonSchema,
  value: unknown,
  mark: Mark,
  replace: (text: string) => string,
): unknown {
  const here = branchFor(schema, value);
  if (typeof value === "string") return here[mark] ? replace(value) : value;
  const inside = (item: unknown, key: PropertyKey): unknown => {
    const below = schemaOfKey(here, key);
    return below ? mapMarked(below, item, mark, replace) : item;
  };
  if (Array.isArray(value)) return value.map(inside);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inside(item, key)]));
}

function schemaOfKey(schema: JsonSchema, key: PropertyKey): JsonSchema | undefined {
  if (schema.items) return schema.items;
  const named = child(schema.properties, key);
  if (isRecord(named)) return named;
  return typeof schema.additionalProperties === "object" ? schema.additionalProperties : undefined;
}

/** The branch of a union whose constants (`source: replay`) the value carries; else the schema itself. */
function branchFor(schema: JsonSchema, value: unknown): JsonSchema {
  const branches = schema.oneOf ?? schema.anyOf ?? [];
  return branches.find((branch) => accepts(branch, value)) ?? schema;
}

function accepts(branch: JsonSchema, value: unknown): boolean {
  const constants = Object.entries(branch.properties ?? {}).filter(([, of]) => of.const !== undefined);
  return constants.length > 0 && constants.every(([key, of]) => child(value, key) === of.const);
}
