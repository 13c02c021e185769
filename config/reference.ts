import { typeText } from "../runtime/base/explain-issue.ts";
import type { JsonSchema } from "../runtime/base/json-schema.ts";

/** The page about every key, in Markdown, from the schema. */
export function referencePage(schema: JsonSchema): string {
  const required = schema.required ?? [];
  const sections = Object.entries(schema.properties ?? {}).map(([name, of]) => section(name, of, required));
  return [INTRODUCTION, ...sections].join("\n");
}

const INTRODUCTION = `# Configuration

One YAML file describes a device. \`sightline init\` writes a first one, \`sightline check FILE\` lists every problem
in it with line and column, and \`sightline config show --effective FILE\` prints it with all defaults filled in.

- The file is YAML 1.2: only \`true\` and \`false\` are truth values; \`yes\`, \`no\`, \`on\` and \`off\` are text.
- Unknown keys are errors, so that a slip of the pen does not go unnoticed.
- Durations are text such as \`"250ms"\`, \`"30s"\`, \`"5m"\`, \`"12h"\`; sizes such as \`"64MiB"\`, \`"2GiB"\`, \`"500kB"\`.
- Relative paths count from the folder of the file.
- Any text value may hold \`\${env:NAME}\`, \`\${env:NAME:-default}\` or \`\${file:PATH}\` (the file's text without its
  last line end), which is where passwords belong. The result is always text; \`$\${\` stands for a plain \`\${\`.
- Names (NAME below) are 1 to 64 of \`a-z\`, \`0-9\`, \`_\` and \`-\`.

## Changing it while the daemon runs
\`sightline reload --config FILE\` (or SIGHUP, or the request \`reload\` over MQTT) has the running daemon read the file again. It says what
changed, and each change restarts as little as it can:

| change | what restarts |
|---|---|
| rules, thresholds, zones, stages, deadline of a pipeline; a pipeline less | that pipeline's stages: what waits for it goes to the new ones; its camera and other pipelines go on |
| a camera, a pipeline more on it | that camera |
| \`models\` | that model, opened beside the version in use; one that cannot be opened goes on as it was, and \`R/model/NAME/event\` says why |
| \`mqtt\` | the connection to the broker, and cameras with \`source: mqtt\`; results wait in the store |
| \`http\`, \`evidence\`, \`health\`, \`shedding\` | that part |
| \`device\`, \`engine\`, \`store\`, \`stages_folder\`, \`log\`, \`version\` | cannot change: the reload is refused as a whole, with the lines |

A file with problems, a model that cannot be read or a stage that cannot be loaded refuse the reload, too: the daemon goes on as it was,
and \`sightline health\` ends with 1 until a reload succeeds.

This page is made from the schema by \`node config/generate.ts\`, and so is
[config.schema.json](../config/config.schema.json), with which editors complete and check the file.
`;

interface Row {
  key: string;
  schema: JsonSchema;
  required: boolean;
}

function section(name: string, schema: JsonSchema, required: string[]): string {
  const rows = leaves({ key: name, schema, required: required.includes(name) });
  const lines = rows.map((row) => `| ${cells(row).map(escapeCell).join(" | ")} |`);
  const presence = required.includes(name) ? "Required." : "May be left out.";
  const head = ["| key | takes | default | what it does |", "|---|---|---|---|"];
  return [`## ${name}`, "", `${schema.description ?? ""} ${presence}`, "", ...head, ...lines, ""].join("\n");
}

function cells({ key, schema, required }: Row): string[] {
  const absent = required ? "required" : "none";
  const standard = schema.default === undefined ? absent : `\`${JSON.stringify(schema.default)}\``;
  return [`\`${key}\``, takes(schema), standard, schema.description ?? ""];
}

/** One row for what is written on one line; maps are opened up, `NAME` and `[]` stand for any name and entry. */
function leaves(row: Row): Row[] {
  const { key, schema } = row;
  const branches = schema.oneOf ?? [];
  if (branches.length > 0) return branches.flatMap((branch) => leaves({ ...row, schema: branch }));
  if (schema.items?.properties) return [row, ...properties(`${key}[]`, schema.items)];
  if (schema.items?.oneOf) return [row, ...schema.items.oneOf.flatMap((of) => leaves(entryRow(key, of)))];
  if (schema.properties) return isOptional(row) ? [row, ...properties(key, schema)] : properties(key, schema);
  if (typeof schema.additionalProperties !== "object") return [row];
  return leaves({ key: `${key}.NAME`, schema: schema.additionalProperties, required: true });
}

/** An entry of a list whose kinds have keys of their own: `stages[detect]`. */
function entryRow(key: string, schema: JsonSchema): Row {
  const [first] = Object.values(schema.properties ?? {});
  // A kind that had another name before is listed by the one that it has now.
  return { key: `${key}[${first?.const ?? first?.enum?.[0] ?? ""}]`, schema, required: true };
}

/** A map that may be absent as a whole, which its keys alone would not show. */
const isOptional = ({ schema, required }: Row): boolean => !required && schema.default === undefined;

const properties = (key: string, { properties = {}, required = [] }: JsonSchema): Row[] =>
  Object.entries(properties).flatMap(([name, schema]) =>
    leaves({ key: `${key}.${name}`, schema, required: required.includes(name) }),
  );

function takes(schema: JsonSchema): string {
  const items = schema.items && !schema.items.properties ? `, each ${typeText(schema.items)}` : "";
  return typeText(schema) + items;
}

const escapeCell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
