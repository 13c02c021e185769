import { resolve } from "node:path";
import { loadConfig } from "../../../config/load.ts";
import type { ModelStatus } from "../../../runtime/loader/model-status.ts";
import { request } from "../../../services/health/control-socket.ts";
import { exactly, parseVerbArgs, usageError, type Verb } from "../../verb.ts";
import { statusText } from "../ps.ts";

/** What the running daemon does with one of its models, by the name in the configuration. */
const inDaemon = (name: string, summary: string): Verb => ({
  name,
  summary,
  usage: `model ${name} NAME --config FILE [--json]`,
  async run(args, io) {
    const { positionals, values } = parseVerbArgs(this, args, {
      json: { type: "boolean", default: false },
      config: { type: "string", short: "c" },
    });
    const [model = ""] = exactly(this, ["NAME"], positionals);
    if (!values.config) throw usageError(this, "--config is missing");
    const { store } = loadConfig(resolve(io.cwd, values.config), { env: io.env });
    const status = (await request(store.path, `model/${name}`, { model })) as ModelStatus;
    io.out(values.json ? JSON.stringify(status) : statusText(status));
    return 0;
  },
});

export const load = inDaemon("load", "have the running daemon open a model, and lift its quarantine");
export const unload = inDaemon(
  "unload",
  "have the running daemon give a model's memory back until a frame needs it",
);
export const activate = inDaemon(
  "activate",
  "have the running daemon go over to what a model's folder holds now",
);
