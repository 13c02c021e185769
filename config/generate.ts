/** Generates the JSON Schema and the reference page: `node config/generate.ts`. A test keeps the files up to date. */
import { writeFileSync } from "node:fs";
import * as z from "zod";
import type { JsonSchema } from "../runtime/base/json-schema.ts";
import { referencePage } from "./reference.ts";
import { schema } from "./schema/schema.ts";

/** The files that are made of the schema, by their paths in the project. */
export function generated(): Record<string, string> {
  const jsonSchema = z.toJSONSchema(schema, { io: "input" }) as JsonSchema;
  return {
    "config/config.schema.json": `${JSON.stringify(jsonSchema, null, 2)}\n`,
    "docs/config.md": referencePage(jsonSchema),
  };
}

if (import.meta.main) {
  for (const [path, text] of Object.entries(generated())) {
    writeFileSync(new URL(`../${path}`, import.meta.url), text);
  }
}
