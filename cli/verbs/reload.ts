import { resolve } from "node:path";
import { loadConfig } from "../../config/load.ts";
import type { Reloaded } from "../../services/daemon/daemon.ts";
import { request } from "../../services/health/control-socket.ts";
import { parseVerbArgs, requirePositionals, usageError, type Verb } from "../verb.ts";

/** Exit code 1 if the new configuration is refused; the daemon then continues with the old one. */
export const reload: Verb = {
  name: "reload",
  summary: "make the running daemon read its configuration again",
  usage: "reload --config FILE",
  async run(args, context) {
    const { positionals, values } = parseVerbArgs(reload, args, { config: { type: "string", short: "c" } });
    requirePositionals(reload, [], positionals);
    if (!values.config) throw usageError(reload, "--config is missing");
    const { store } = loadConfig(resolve(context.cwd, values.config), { env: context.env });
    const { changed } = (await request(store.path, "reload")) as Reloaded;
    context.out(changed.length > 0 ? `changed: ${changed.join(", ")}` : "nothing has changed");
    return 0;
  },
};
