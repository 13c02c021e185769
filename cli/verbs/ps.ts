import { resolve } from "node:path";
import { loadConfig } from "../../config/load.ts";
import { formatBytes } from "../../runtime/base/units.ts";
import type { ModelMemory, ModelStatus } from "../../runtime/loader/model-status.ts";
import { request } from "../../services/health/control-socket.ts";
import { parseVerbArgs, requirePositionals, usageError, type Verb } from "../verb.ts";

/** What the running daemon has in memory. */
export const ps: Verb = {
  name: "ps",
  summary: "show the models of the running daemon and the memory that they take",
  usage: "ps --config FILE [--json]",
  async run(args, context) {
    const { positionals, values } = parseVerbArgs(ps, args, {
      json: { type: "boolean", default: false },
      config: { type: "string", short: "c" },
    });
    requirePositionals(ps, [], positionals);
    if (!values.config) throw usageError(ps, "--config is missing");
    const { store } = loadConfig(resolve(context.cwd, values.config), { env: context.env });
    const answer = (await request(store.path, "models")) as { models: ModelStatus[]; memory: ModelMemory };
    if (values.json) {
      context.out(JSON.stringify(answer));
      return 0;
    }
    for (const status of answer.models) context.out(statusText(status));
    const { budget_bytes, resident_bytes } = answer.memory;
    context.out(`${formatBytes(resident_bytes)} of ${formatBytes(budget_bytes)} taken`);
    return 0;
  },
};

/** One model in a line. */
export function statusText(status: ModelStatus): string {
  const { anonymous_bytes, bundle, evictions, last_error, loads, mapped_bytes, name, state } = status;
  const memory = `${formatBytes(anonymous_bytes)} + ${formatBytes(mapped_bytes)} mapped`;
  const history = `${loads} loads, ${evictions} evictions`;
  const trouble = last_error ? `  ${last_error.code}: ${last_error.message}` : "";
  const version = bundle?.version ?? "";
  return `${name.padEnd(20)} ${state.padEnd(11)} ${version.padEnd(8)} ${memory.padEnd(30)} ${history}${trouble}`;
}
