import { resolve } from "node:path";
import { jsonSchemaText } from "../../config/json-schema.ts";
import { loadConfig } from "../../config/load.ts";
import { effectiveYaml } from "../../config/show.ts";
import { type CommandContext, parseVerbArgs, requirePositionals, usageError, type Verb } from "../verb.ts";

export const config: Verb = {
  name: "config",
  summary: "print the schema of the configuration, or a file with all defaults filled in",
  usage: "config schema\nconfig show --effective FILE",
  async run([action = "", ...args], context) {
    const act = Object.hasOwn(ACTIONS, action) ? ACTIONS[action as keyof typeof ACTIONS] : undefined;
    if (!act)
      throw usageError(config, action === "" ? "schema or show is missing" : `unknown action "${action}"`);
    act(args, context);
    return 0;
  },
};

const ACTIONS = { schema: printSchema, show: printEffective };

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
