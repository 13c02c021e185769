import { z } from "zod";
import type { JsonSchema } from "../runtime/base/json-schema.ts";
import { schema } from "./schema/schema.ts";

/** The file as people write it (durations are text, what has a default may be left out), as plain data. */
export const jsonSchema = z.toJSONSchema(schema, { io: "input" }) as JsonSchema;

/** What `config.schema.json` holds, for editors. */
export const jsonSchemaText = `${JSON.stringify(jsonSchema, null, 2)}\n`;
