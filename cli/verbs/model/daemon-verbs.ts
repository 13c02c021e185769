import { resolve } from "node:path";
import { loadConfig } from "../../../config/load.ts";
import type { ModelStatus } from "../../../runtime/loader/model-status.ts";
import { request } from "../../../services/health/control-socket.ts";
import { parseVerbArgs, requirePositionals, usageError, type Verb } from "../../verb.ts";
import { modelTable } from "../ps.ts";

/** A request to the running daemon about one of its models, which is named as in the configuration. */
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
    context.out(values.json ? JSON.stringify(status) : modelTable([status]));
    return 0;
  },
});

export const load = daemonVerb("load", "open a model in the running daemon and lift its quarantine");
export const unload = daemonVerb(
  "unload",
  "free a model's memory in the running daemon until a frame needs it",
);
export const activate = daemonVerb(
  "activate",
  "switch the running daemon to the version that is now in a model's folder",
);
