import { readFileSync } from "node:fs";
import type { JsonSchema } from "../runtime/base/json-schema.ts";

/** The content of `config.schema.json`, which editors read too. `config/generate.ts` makes it; a test keeps it up to date. */
export const jsonSchemaText = readFileSync(new URL("config.schema.json", import.meta.url), "utf8");

/** The schema of the file as people write it: durations are text, and keys with a default are optional. */
export const jsonSchema = JSON.parse(jsonSchemaText) as JsonSchema;
