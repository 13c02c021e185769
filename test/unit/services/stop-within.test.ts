import { expect, test } from "vitest";
import { stopWithin } from "../../../services/daemon/stop-within.ts";
import { RecordingLogger } from "../../support/recording-logger.ts";

test("a part that stops in time is not spoken of", async () => {
  const logger = new RecordingLogger();
  await stopWithin(logger, "camera", 60_000, Promise.resolve("done"));
  expect(logger.lines).toEqual([]);
});

test("a part that was never started is not waited for", async () => {
  const logger = new RecordingLogger();
  await stopWithin(logger, "camera", 60_000, undefined);
  expect(logger.lines).toEqual([]);
});

test("a part that is late is named, and not waited for any longer", async () => {
  const logger = new RecordingLogger();
  await stopWithin(logger, "mqtt", 5, new Promise(() => {}));
  expect(logger.lines).toEqual([
    {
      level: "error",
      fields: { code: "ERR_STOP_TIMEOUT", part: "mqtt", limit_ms: 5 },
      message: "did not stop in time",
    },
  ]);
});

test("a part that fails is named with its reason", async () => {
  const logger = new RecordingLogger();
  const reason = new Error("disk gone");
  await stopWithin(logger, "store", 60_000, Promise.reject(reason));
  expect(logger.lines).toEqual([
    { level: "error", fields: { part: "store", err: reason }, message: "failed to stop" },
  ]);
});
