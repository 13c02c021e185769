import { resolve } from "node:path";
import { checkConfig, type LoadOptions } from "../../config/load.ts";
import { problemText } from "../../config/problem.ts";
import { systemClock } from "../../runtime/base/clock.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import type { ReadConfig } from "../../services/daemon/configuration.ts";
import { Daemon } from "../../services/daemon/daemon.ts";
import { createLogger } from "../logger.ts";
import { parseVerbArgs, requirePositionals, usageError, type Verb } from "../verb.ts";
import { readVersion } from "../version.ts";

const PARENT_CHECK_MS = 500;

/** Ends on SIGTERM or SIGINT, or when every source has ended; SIGHUP makes it read its configuration again. */
export const run: Verb = {
  name: "run",
  summary: "run the daemon in the foreground",
  usage: "run --config FILE",
  async run(args, context) {
    const { positionals, values } = parseVerbArgs(run, args, { config: { type: "string", short: "c" } });
    requirePositionals(run, [], positionals);
    if (!values.config) throw usageError(run, "--config is missing");
    const file = resolve(context.cwd, values.config);
    const read = () => readConfig(file, { env: context.env });
    const { config, notices } = read();
    const logger = createLogger(config.log.level, context);
    for (const notice of notices) logger.warn({}, notice);
    const daemon = new Daemon({ logger, clock: systemClock, version: readVersion(), read }, config);
    // Signals are handled from here on: a start may take long, and a signal must be able to end it.
    const signalled = new Promise<"signalled">((resolve) => {
      for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve("signalled"));
    });
    // npm exec does not hand signals on, and ends without its child.
    const orphaned = context.env.npm_command === "exec" ? untilOrphaned() : new Promise<never>(() => {});
    const told = Promise.race([signalled, orphaned]);
    // The daemon itself logs what it refused and why.
    process.on("SIGHUP", () => void daemon.reload().catch(() => {}));
    const started = daemon.start();
    started.catch(() => {});
    if ((await Promise.race([told, started])) !== "signalled") {
      await Promise.race([told, daemon.ended]);
    }
    await daemon.stop();
    return 0;
  },
};

/** Resolves when the process that started this one has ended. */
function untilOrphaned(): Promise<"signalled"> {
  const { ppid } = process;
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (process.ppid === ppid) return;
      clearInterval(timer);
      resolve("signalled");
    }, PARENT_CHECK_MS);
    timer.unref();
  });
}

/** Errors: ERR_CONFIG_READ, ERR_CONFIG_INVALID. */
function readConfig(file: string, options: LoadOptions): ReadConfig & { notices: string[] } {
  const { config, notices = [], problemAt, problems } = checkConfig(file, options);
  if (!config || !problemAt) {
    throw new SightlineError("ERR_CONFIG_INVALID", problems.map(problemText).join("\n"));
  }
  const at = (path: readonly string[]) => {
    const { column, line } = problemAt(path, "");
    return `${file}:${line}:${column}`;
  };
  return { config, at, notices: notices.map(problemText) };
}
