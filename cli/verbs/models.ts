import type { Verb } from "../verb.ts";
import { model } from "./model.ts";
import { ps } from "./ps.ts";

const IN_DAEMON = ["load", "unload", "activate"];

/** The spelling of before: what it did is told apart by its arguments. */
export const models: Verb = {
  name: "models",
  summary: "the old name of `ps`, `model list --shipped` and `model load`, `unload` and `activate`",
  usage: "models [BUNDLE…] [--json] | models [load|unload|activate NAME] --config FILE [--json]",
  async run(args, context) {
    const [first = ""] = args.filter((arg) => !arg.startsWith("-"));
    const isOfDaemon = args.some((arg) => /^(--config|-c)(=|$)/.test(arg));
    const [verb, rest] = IN_DAEMON.includes(first)
      ? [model, [first, ...args.filter((arg) => arg !== first)]]
      : isOfDaemon
        ? [ps, args]
        : [model, ["list", "--shipped", ...args]];
    const written = verb === ps ? "ps" : `model ${rest[0]}${rest[1] === "--shipped" ? " --shipped" : ""}`;
    context.err(`notice: \`sightline models\` is called \`sightline ${written}\` now`);
    return verb.run(rest, context);
  },
};
