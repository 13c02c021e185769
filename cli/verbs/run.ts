import { resolve } from "node:path";
import { loadConfig } from "../../config/load.ts";
import { systemClock } from "../../runtime/base/clock.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import { Daemon } from "../../services/daemon/daemon.ts";
import { createLogger } from "../logger.ts";
import { exactly, parseVerbArgs, usageError, type Verb } from "../verb.ts";
import { readVersion } from "../version.ts";

/** Ends on SIGTERM, SIGINT, or when every source has come to its end; reads its configuration again on SIGHUP. */
export const run: Verb = {
  name: "run",
  summary: "run the daemon in the foreground",
  usage: "run --config FILE",
  async run(args, io) {
    const { positionals, values } = parseVerbArgs(run, args, { config: { type: "string", short: "c" } });
    exactly(run, [], positionals);
    if (!values.config) throw usageError(run, "--config is missing");
    const file = resolve(io.cwd, values.config);
    const read = () => loadConfig(file, { env: io.env });
    const config = read();
    const deps = { logger: createLogger(config.log.level), clock: systemClock, version: readVersion() };
    const daemon = new Daemon(deps, config);
    const reload = async () => daemon.reload(read());
    const signalled = new Promise<void>((resolve) => {
      for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
    });
    await daemon.start();
    process.on("SIGHUP", () => void reload().catch((error) => refuse(deps.logger, error)));
    await Promise.race([signalled, daemon.ended]);
    await daemon.stop();
    return 0;
  },
};

function refuse(logger: Logger, error: unknown): void {
  const { code, hint, message } = SightlineError.wrap("ERR_RELOAD", error).toRecord();
  logger.error({ code, hint }, `the old configuration goes on: ${message}`);
}
