import { isRecord } from "../runtime/base/json-schema.ts";

/** pino's numbers. */
const LEVELS: Readonly<Record<number, string>> = { 20: "debug", 30: "info", 40: "warn", 50: "error" };

/** A JSON line of the log as a line for people: time of day, level, what happened, and the short facts about it. */
export function logLine(json: string): string {
  const { level, msg, time, error, err, ...facts } = JSON.parse(json) as Record<string, unknown>;
  const clock = new Date(String(time)).toTimeString().slice(0, 8);
  const told = Object.entries(facts).flatMap(([key, value]) =>
    isShort(value) ? [`${key}=${String(value)}`] : [],
  );
  const head = [clock, (LEVELS[Number(level)] ?? "").padEnd(5), String(msg), ...told].join(" ");
  return [head, ...errorLines(error ?? err)].join("\n");
}

const isShort = (value: unknown): boolean =>
  ["number", "boolean"].includes(typeof value) || (typeof value === "string" && value.length <= 60);

function errorLines(error: unknown): string[] {
  if (!isRecord(error)) return [];
  const { code, hint, message } = error;
  return [[code, message].filter(Boolean).join(": "), hint]
    .filter((line) => typeof line === "string" && line !== "")
    .map((line) => `               ${String(line)}`);
}
