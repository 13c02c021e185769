import { z } from "zod";
import type { JsonSchema } from "../runtime/base/json-schema.ts";
import { schema } from "./schema/schema.ts";

/** The schema of the file as people write it: durations are text, and keys with a default are optional. */
export const jsonSchema = z.toJSONSchema(schema, { io: "input" }) as JsonSchema;

/** The content of `config.schema.json`, which editors read. */
export const jsonSchemaText = `${JSON.stringify(jsonSchema, null, 2)}\n`;
