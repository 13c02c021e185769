import { resolve } from "node:path";
import { loadConfig } from "../../config/load.ts";
import { formatBytes } from "../../runtime/base/units.ts";
import type { ModelMemory, ModelStatus } from "../../runtime/loader/model-status.ts";
import { request } from "../../services/health/control-socket.ts";
import type { Health } from "../../services/health/health-reporter.ts";
import { table } from "../table.ts";
import { parseVerbArgs, requirePositionals, usageError, type Verb } from "../verb.ts";

export const ps: Verb = {
  name: "ps",
  summary: "show the models and cameras of the running daemon",
  usage: "ps --config FILE [--json]",
  async run(args, context) {
    const { positionals, values } = parseVerbArgs(ps, args, {
      json: { type: "boolean", default: false },
      config: { type: "string", short: "c" },
    });
    requirePositionals(ps, [], positionals);
    if (!values.config) throw usageError(ps, "--config is missing");
    const { store } = loadConfig(resolve(context.cwd, values.config), { env: context.env });
    const { memory, models } = (await request(store.path, "models")) as Models;
    const { cameras } = (await request(store.path, "health")) as Health;
    if (values.json) context.out(JSON.stringify({ models, memory, cameras }));
    else for (const text of texts(models, memory, cameras)) context.out(text);
    return 0;
  },
};

interface Models {
  models: ModelStatus[];
  memory: ModelMemory;
}

const texts = (models: ModelStatus[], memory: ModelMemory, cameras: Health["cameras"]): string[] => [
  modelTable(models),
  `  memory for models: ${formatBytes(memory.resident_bytes)} of ${formatBytes(memory.budget_bytes)} in use\n`,
  cameraTable(cameras),
];

/** `memory` is what a model allocated; `mapped` are pages of its files, which the system may take back. */
export const modelTable = (models: readonly ModelStatus[]): string =>
  table(
    ["model", "state", "version", "memory", "mapped", "loads", "evictions", "last error"],
    models.map(({ anonymous_bytes, bundle, evictions, last_error, loads, mapped_bytes, name, state }) => [
      ...[name, state, bundle?.version ?? "", formatBytes(anonymous_bytes), formatBytes(mapped_bytes)],
      ...[loads, evictions, last_error ? `${last_error.code}: ${last_error.message}` : ""],
    ]),
  );

const cameraTable = (cameras: Health["cameras"]): string =>
  table(
    ["camera", "status", "frames", "dropped", "restarts"],
    Object.entries(cameras).map(([name, { dropped, frames, restarts, status }]) => [
      ...[name, status, frames, dropped, restarts],
    ]),
  );
