import { typeText } from "../runtime/base/explain-issue.ts";
import type { JsonSchema } from "../runtime/base/json-schema.ts";

/** The Markdown page that describes every key of the schema. */
export function referencePage(schema: JsonSchema): string {
  const required = schema.required ?? [];
  const sections = Object.entries(schema.properties ?? {}).map(([name, of]) => section(name, of, required));
  return [INTRODUCTION, ...sections].join("\n");
}

const INTRODUCTION = `# Configuration

One YAML file describes a device. \`sightline init\` writes a first one, \`sightline check FILE\` lists every problem
in it with line and column, and \`sightline config show --effective FILE\` prints it with all defaults filled in.

- The file is YAML 1.2: only \`true\` and \`false\` are truth values; \`yes\`, \`no\`, \`on\` and \`off\` are text.
- Unknown keys are errors, so that a typing error does not go unnoticed.
- Durations are text such as \`"250ms"\`, \`"30s"\`, \`"5m"\`, \`"12h"\`; sizes such as \`"64MiB"\`, \`"2GiB"\`, \`"500kB"\`.
- Relative paths start from the folder of the file.
- Any text value may contain \`\${env:NAME}\`, \`\${env:NAME:-default}\` or \`\${file:PATH}\` (the content of the file without its
  final line break): use these for passwords. The result is always text; \`$\${\` stands for a literal \`\${\`.
- Names (NAME below) have 1 to 64 of the characters \`a-z\`, \`0-9\`, \`_\` and \`-\`.

## Changing it while the daemon runs
\`sightline reload --config FILE\` makes the running daemon read the file again; SIGHUP and the MQTT request \`reload\` do the same. The
command prints what has changed. Each change restarts as little as possible:

| change | what restarts |
|---|---|
| rules, thresholds, zones, stages or the deadline of a pipeline; a pipeline removed | the stages of that pipeline; frames that wait for it go to the new stages, and its camera and the other pipelines keep running |
| a camera; a pipeline added to it | that camera |
| \`models\` | that model: it is opened beside the version in use. If it cannot be opened, the old version stays in use, and \`R/model/NAME/event\` says why |
| \`mqtt\` | the connection to the broker, and cameras with \`source: mqtt\`; results wait in the store |
| \`http\`, \`evidence\`, \`health\`, \`shedding\` | that part |
| \`device\`, \`engine\`, \`store\`, \`stages_folder\`, \`log\`, \`version\` | these cannot change: the whole reload is refused, and the answer names the lines |

A reload is also refused if the file has problems, a model cannot be read or a stage cannot be loaded. The daemon then continues with
the old configuration, and \`sightline health\` exits with 1 until a reload succeeds.

This page is generated from the schema by \`node config/generate.ts\`, and so is
[config.schema.json](../config/config.schema.json), which lets editors complete and check the file.
`;

interface Row {
  key: string;
  schema: JsonSchema;
  required: boolean;
}

function section(name: string, schema: JsonSchema, required: string[]): string {
  const rows = leaves({ key: name, schema, required: required.includes(name) });
  const lines = rows.map((row) => `| ${cells(row).map(escapeCell).join(" | ")} |`);
  const presence = required.includes(name) ? "Required." : "Optional.";
  const head = ["| key | takes | default | what it does |", "|---|---|---|---|"];
  return [`## ${name}`, "", `${schema.description ?? ""} ${presence}`, "", ...head, ...lines, ""].join("\n");
}

function cells({ key, schema, required }: Row): string[] {
  const absent = required ? "required" : "none";
  const standard = schema.default === undefined ? absent : `\`${JSON.stringify(schema.default)}\``;
  return [`\`${key}\``, takes(schema), standard, schema.description ?? ""];
}

/** A row for each key that has a value of its own; `NAME` and `[]` stand for any name and any entry of a list. */
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

/** An entry of a list in which each kind has keys of its own: `stages[detect]`. */
function entryRow(key: string, schema: JsonSchema): Row {
  const [first] = Object.values(schema.properties ?? {});
  // A kind with an old name is listed under the current one, which comes first.
  return { key: `${key}[${first?.const ?? first?.enum?.[0] ?? ""}]`, schema, required: true };
}

/** A map that may be absent as a whole; the rows of its keys alone would not show that. */
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
