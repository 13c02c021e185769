import { resolve } from "node:path";
import { loadConfig } from "../../../config/load.ts";
import type { ModelStatus } from "../../../runtime/loader/model-status.ts";
import { request } from "../../../services/health/control-socket.ts";
import { parseVerbArgs, requirePositionals, usageError, type Verb } from "../../verb.ts";
import { statusText } from "../ps.ts";

/** What the running daemon does with one of its models, by the name in the configuration. */
const daemonVerb = (name: string, summary: string): Verb => ({
  name,
  summary,
  usage: `model ${name} NAME --config FILE [--json]`,
  async run(args, context) {
    const { positionals, values } = parseVerbArgs(this, args, {
      json: { type: "boolean", default: false },
      config: { type: "string", short: "c" },
    });
    const [model = ""] = requirePositionals(this, ["NAME"], positionals);
    if (!values.config) throw usageError(this, "--config is missing");
    const { store } = loadConfig(resolve(context.cwd, values.config), { env: context.env });
    const status = (await request(store.path, `model/${name}`, { model })) as ModelStatus;
    context.out(values.json ? JSON.stringify(status) : statusText(status));
    return 0;
  },
});

export const load = daemonVerb("load", "have the running daemon open a model, and lift its quarantine");
export const unload = daemonVerb(
  "unload",
  "have the running daemon give a model's memory back until a frame needs it",
);
export const activate = daemonVerb(
  "activate",
  "have the running daemon go over to what a model's folder holds now",
);
