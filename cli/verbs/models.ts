import { resolve } from "node:path";
import { loadConfig } from "../../config/load.ts";
import { listBundles } from "../../models/bundle/bundle.ts";
import { formatBytes } from "../../runtime/base/units.ts";
import type { ModelMemory, ModelStatus } from "../../runtime/loader/model-status.ts";
import { request } from "../../services/health/control-socket.ts";
import { type Io, parseVerbArgs, usageError, type Verb } from "../verb.ts";
import { shippedBundles } from "../zoo.ts";

const ACTIONS = ["load", "unload", "activate"];

interface Options {
  json: boolean;
  config?: string | undefined;
}

/** Exit code 1 when a bundle is broken. */
export const models: Verb = {
  name: "models",
  summary: "list the installed models, or those of the running daemon and what they take",
  usage: "models [BUNDLE…] [--json] | models [load|unload|activate NAME] --config FILE [--json]",
  async run(args, io) {
    const { values, positionals } = parseVerbArgs(models, args, {
      json: { type: "boolean", default: false },
      config: { type: "string", short: "c" },
    });
    if (values.config === undefined) return listed(positionals, values, io);
    const { store } = loadConfig(resolve(io.cwd, values.config), { env: io.env });
    const [action, name] = positionals;
    if (positionals.length === 0) return running(store.path, values, io);
    if (!action || !name || positionals.length > 2 || !ACTIONS.includes(action)) {
      throw usageError(models, `"${positionals.join(" ")}" is not load, unload or activate with a NAME`);
    }
    const status = (await request(store.path, `model/${action}`, { model: name })) as ModelStatus;
    io.out(values.json ? JSON.stringify(status) : line(status));
    return 0;
  },
};

async function running(folder: string, { json }: Options, io: Io): Promise<number> {
  const answer = (await request(folder, "models")) as { models: ModelStatus[]; memory: ModelMemory };
  if (json) io.out(JSON.stringify(answer));
  else {
    for (const status of answer.models) io.out(line(status));
    const { budget_bytes, resident_bytes } = answer.memory;
    io.out(`${formatBytes(resident_bytes)} of ${formatBytes(budget_bytes)} taken`);
  }
  return 0;
}

function line({
  anonymous_bytes,
  bundle,
  evictions,
  last_error,
  loads,
  mapped_bytes,
  name,
  state,
}: ModelStatus) {
  const memory = `${formatBytes(anonymous_bytes)} + ${formatBytes(mapped_bytes)} mapped`;
  const history = `${loads} loads, ${evictions} evictions`;
  const trouble = last_error ? `  ${last_error.code}: ${last_error.message}` : "";
  const version = bundle?.version ?? "";
  return `${name.padEnd(20)} ${state.padEnd(11)} ${version.padEnd(8)} ${memory.padEnd(30)} ${history}${trouble}`;
}

async function listed(folders: readonly string[], { json }: Options, io: Io): Promise<number> {
  const bundles = await listBundles([
    ...shippedBundles(),
    ...folders.map((folder) => resolve(io.cwd, folder)),
  ]);
  for (const bundle of bundles) {
    if (json)
      io.out(JSON.stringify("error" in bundle ? { ...bundle, error: bundle.error.toRecord() } : bundle));
    else if ("error" in bundle) io.out(`${bundle.folder}: ${bundle.error.code}: ${bundle.error.message}`);
    else {
      const { name, version, variants, bytes } = bundle;
      io.out(
        `${name.padEnd(20)} ${version.padEnd(8)} ${variants.join(", ").padEnd(16)} ${formatBytes(bytes)}`,
      );
    }
  }
  return bundles.some((bundle) => "error" in bundle) ? 1 : 0;
}
