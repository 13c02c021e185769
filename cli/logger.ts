import { pino } from "pino";
import type { Logger } from "../runtime/base/logger.ts";

/** Logs JSON lines to standard output; no other module imports pino. */
export function createLogger(level: "debug" | "info" | "warn" | "error"): Logger {
  return pino({ level, timestamp: pino.stdTimeFunctions.isoTime, base: null });
}
