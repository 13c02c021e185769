/** Generates the JSON Schema and the reference page: `node config/generate.ts`. A test keeps the files up to date. */
import { writeFileSync } from "node:fs";
import { jsonSchema, jsonSchemaText } from "./json-schema.ts";
import { referencePage } from "./reference.ts";

writeFileSync(new URL("config.schema.json", import.meta.url), jsonSchemaText);
writeFileSync(new URL("../docs/config.md", import.meta.url), referencePage(jsonSchema));
