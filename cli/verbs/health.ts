import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { loadConfig } from "../../config/load.ts";
import { parseDurationMs } from "../../runtime/base/units.ts";
import { request } from "../../services/health/control-socket.ts";
import type { Health } from "../../services/health/health-reporter.ts";
import { parseVerbArgs, requirePositionals, usageError, type Verb } from "../verb.ts";

const RESPONSE_LIMIT_MS = 2_000;
const RETRY_MS = 500;

/** Prints the daemon's health record. Exit code 0 if the daemon is healthy. */
export const health: Verb = {
  name: "health",
  summary: "show the health of the running daemon",
  usage: "health --config FILE [--wait 60s]",
  async run(args, context) {
    const { positionals, values } = parseVerbArgs(health, args, {
      config: { type: "string", short: "c" },
      wait: { type: "string", default: "0s" },
    });
    const waitMs = parseDurationMs(values.wait);
    requirePositionals(health, [], positionals);
    if (!values.config) throw usageError(health, "--config is missing");
    if (waitMs === undefined)
      throw usageError(health, `--wait must be a duration such as 60s, not "${values.wait}"`);
    const { store } = loadConfig(resolve(context.cwd, values.config), { env: context.env });
    const { record, troubles } = await askUntilHealthy(store.path, Date.now() + waitMs);
    context.out(JSON.stringify(record, null, 2));
    for (const trouble of troubles) context.err(trouble);
    return troubles.length === 0 ? 0 : 1;
  },
};

async function askUntilHealthy(
  folder: string,
  endMs: number,
): Promise<{ record: Health; troubles: string[] }> {
  for (;;) {
    const isLast = Date.now() >= endMs;
    try {
      const record = (await request(folder, "health", undefined, RESPONSE_LIMIT_MS)) as Health;
      const troubles = troublesOf(record);
      if (troubles.length === 0 || isLast) return { record, troubles };
    } catch (error) {
      if (isLast) throw error;
    }
    await sleep(RETRY_MS);
  }
}

function troublesOf({ config, evidence, mqtt, outbox }: Health): string[] {
  const troubles: string[] = [];
  if (!mqtt.connected)
    troubles.push(`mqtt: ${mqtt.error?.message ?? "not connected"}; ${mqtt.error?.hint ?? ""}`);
  if (outbox.error) troubles.push(`store: ${outbox.error.message}; ${outbox.error.hint}`);
  if (evidence?.error) troubles.push(`evidence: ${evidence.error.message}; ${evidence.error.hint}`);
  if (config.error) troubles.push(`configuration: ${config.error.message}; ${config.error.hint}`);
  if (outbox.dropped > 0) troubles.push(`store: ${outbox.dropped} results were dropped`);
  return troubles;
}
