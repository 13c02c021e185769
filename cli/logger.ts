import { pino } from "pino";
import type { Logger } from "../runtime/base/logger.ts";
import { logLine } from "./log-line.ts";

/** Logs to standard output: JSON lines, or on a terminal lines for people. No other module imports pino. */
export function createLogger(
  level: "debug" | "info" | "warn" | "error",
  { isTty }: { isTty: boolean },
): Logger {
  const options = { level, timestamp: pino.stdTimeFunctions.isoTime, base: null };
  if (!isTty) return pino(options);
  return pino(options, { write: (line) => process.stdout.write(`${logLine(line)}\n`) });
}
