import type { Logger } from "../../runtime/base/logger.ts";

/** Keeps the lines, so that a test can count them. */
export class RecordingLogger implements Logger {
  readonly lines: { level: string; fields: object; message: string }[] = [];

  debug(fields: object, message: string): void {
    this.lines.push({ level: "debug", fields, message });
  }
  info(fields: object, message: string): void {
    this.lines.push({ level: "info", fields, message });
  }
  warn(fields: object, message: string): void {
    this.lines.push({ level: "warn", fields, message });
  }
  error(fields: object, message: string): void {
    this.lines.push({ level: "error", fields, message });
  }
  child(): Logger {
    return this;
  }

  count(message: string): number {
    return this.lines.filter((line) => line.message === message).length;
  }
}
