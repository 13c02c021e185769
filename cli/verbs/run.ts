import { resolve } from "node:path";
import { loadConfig } from "../../config/load.ts";
import { systemClock } from "../../runtime/base/clock.ts";
import { Daemon } from "../../services/daemon/daemon.ts";
import { createLogger } from "../logger.ts";
import { exactly, parseVerbArgs, usageError, type Verb } from "../verb.ts";
import { readVersion } from "../version.ts";

/** Ends on SIGTERM, SIGINT, or when every source has come to its end. */
export const run: Verb = {
  name: "run",
  summary: "run the daemon in the foreground",
  usage: "run --config FILE",
  async run(args, io) {
    const { positionals, values } = parseVerbArgs(run, args, { config: { type: "string", short: "c" } });
    exactly(run, [], positionals);
    if (!values.config) throw usageError(run, "--config is missing");
    const config = loadConfig(resolve(io.cwd, values.config), { env: io.env });
    const deps = { logger: createLogger(config.log.level), clock: systemClock, version: readVersion() };
    const daemon = new Daemon(deps, config);
    const signalled = new Promise<void>((resolve) => {
      for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
    });
    await daemon.start();
    await Promise.race([signalled, daemon.ended]);
    await daemon.stop();
    return 0;
  },
};
