/** Writes what is made from the schema: `node config/generate.ts`. A test keeps the files equal to it. */
import { writeFileSync } from "node:fs";
import { jsonSchema, jsonSchemaText } from "./json-schema.ts";
import { referencePage } from "./reference.ts";

writeFileSync(new URL("config.schema.json", import.meta.url), jsonSchemaText);
writeFileSync(new URL("../docs/config.md", import.meta.url), referencePage(jsonSchema));
