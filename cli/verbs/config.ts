import { resolve } from "node:path";
import { migrateConfig } from "../../config/change.ts";
import { jsonSchemaText } from "../../config/json-schema.ts";
import { loadConfig } from "../../config/load.ts";
import { effectiveYaml } from "../../config/show.ts";
import { type CommandContext, parseVerbArgs, requirePositionals, usageError, type Verb } from "../verb.ts";

export const config: Verb = {
  name: "config",
  summary: "print the schema, show a file with all defaults, or bring a file up to date",
  usage:
    "config schema\nconfig show --effective FILE\nconfig migrate FILE [--dry-run]\n  migrate writes old names as they are called today and keeps the file as it was in FILE.bak",
  async run([action = "", ...args], context) {
    const act = Object.hasOwn(ACTIONS, action) ? ACTIONS[action as keyof typeof ACTIONS] : undefined;
    if (!act)
      throw usageError(
        config,
        action === "" ? "schema, show or migrate is missing" : `unknown action "${action}"`,
      );
    act(args, context);
    return 0;
  },
};

const ACTIONS = { schema: printSchema, show: printEffective, migrate };

function printSchema(args: string[], context: CommandContext): void {
  requirePositionals(config, [], parseVerbArgs(config, args, {}).positionals);
  context.out(jsonSchemaText.trimEnd());
}

/** There is only this view so far; `--effective` is required so that others can be added. */
function printEffective(args: string[], context: CommandContext): void {
  const { values, positionals } = parseVerbArgs(config, args, { effective: { type: "boolean" } });
  const [file = ""] = requirePositionals(config, ["FILE"], positionals);
  if (!values.effective) throw usageError(config, "show needs --effective");
  context.out(effectiveYaml(loadConfig(resolve(context.cwd, file), { env: context.env })).trimEnd());
}

function migrate(args: string[], context: CommandContext): void {
  const { positionals, values } = parseVerbArgs(config, args, {
    "dry-run": { type: "boolean", default: false },
  });
  const [file = ""] = requirePositionals(config, ["FILE"], positionals);
  const { backup, changes } = migrateConfig(resolve(context.cwd, file), { isDryRun: values["dry-run"] });
  for (const { key, line, old, value } of changes) context.out(`${file}:${line}: ${key}: ${old} -> ${value}`);
  if (changes.length === 0) context.out(`${file} is up to date`);
  else context.out(backup === undefined ? "nothing was written" : `written; the file as it was: ${backup}`);
}
