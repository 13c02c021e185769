import { parseVerbArgs, type Verb } from "../verb.ts";
import { model } from "./model.ts";
import { ps } from "./ps.ts";

const DAEMON_VERBS = ["load", "unload", "activate"];

/** The old name of several commands; its arguments tell which one is meant. */
export const models: Verb = {
  name: "models",
  summary: "old name of `ps`, `model list --shipped`, `model load`, `model unload` and `model activate`",
  usage: "models [BUNDLE…] [--json]\nmodels [load|unload|activate NAME] --config FILE [--json]",
  async run(args, context) {
    const { positionals, values } = parseVerbArgs(models, args, {
      json: { type: "boolean", default: false },
      config: { type: "string", short: "c" },
    });
    const [first = "", ...others] = positionals;
    const isDaemonVerb = DAEMON_VERBS.includes(first);
    const listing = values.config === undefined ? ["model", "list", "--shipped"] : ["ps"];
    const [name = "", ...words] = isDaemonVerb ? ["model", first] : listing;
    context.err(`notice: \`sightline models\` is now called \`sightline ${[name, ...words].join(" ")}\``);
    const options = [
      ...(values.config ? ["--config", values.config] : []),
      ...(values.json ? ["--json"] : []),
    ];
    const verb = name === "ps" ? ps : model;
    return verb.run([...words, ...(isDaemonVerb ? others : positionals), ...options], context);
  },
};
