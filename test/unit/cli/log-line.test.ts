import { expect, test } from "vitest";
import { logLine } from "../../../cli/log-line.ts";

const time = new Date(2026, 0, 2, 3, 4, 5).toISOString();

test("a line for people has the time of day, the level, what happened and its short facts", () => {
  const line = JSON.stringify({
    level: 30,
    time,
    camera: "top",
    frames: 7,
    models: [{ a: 1 }],
    msg: "camera",
  });
  expect(logLine(line)).toBe("03:04:05 info  camera camera=top frames=7");
});

test("an error stands below it, with its hint and without a stack", () => {
  const error = { code: "ERR_X", message: "it is away", hint: "Look for it.", stack: "at …" };
  expect(logLine(JSON.stringify({ level: 40, time, error, msg: "no connection" }))).toBe(
    "03:04:05 warn  no connection\n               ERR_X: it is away\n               Look for it.",
  );
  const err = { type: "Error", message: "torn" };
  expect(logLine(JSON.stringify({ level: 50, time, err, msg: "failed" }))).toBe(
    "03:04:05 error failed\n               torn",
  );
});
