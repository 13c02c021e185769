import { pino } from "pino";
import type { Logger } from "../runtime/base/logger.ts";

/** JSON lines on standard output; the one door to pino. */
export function createLogger(level: "debug" | "info" | "warn" | "error"): Logger {
  return pino({ level, timestamp: pino.stdTimeFunctions.isoTime, base: null });
}
