import { tmpdir } from "node:os";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import type { ErrorRecord } from "../../../runtime/base/errors.ts";
import { HealthReporter } from "../../../services/health/health-reporter.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { RecordingLogger } from "../../support/recording-logger.ts";

const INTERVAL_MS = 5_000;
const FULL: ErrorRecord = { code: "ERR_STORE_FULL", message: "full", hint: "free some" };
const AWAY: ErrorRecord = { code: "ERR_MQTT_UNREACHABLE", message: "away", hint: "plug it in" };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "setTimeout", "clearTimeout"] });
});
afterEach(() => void vi.useRealTimers());

/** A reporter among parts whose state the test sets. */
function setUp() {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const published: { topic: string; payload: object; expiryS?: number | undefined }[] = [];
  const listeners = new Set<() => void>();
  const waiting: { count: number; resolve(): void }[] = [];
  const outbox = {
    degraded: undefined as ErrorRecord | undefined,
    broken: undefined as Error | undefined,
    async stats() {
      if (outbox.broken) throw outbox.broken;
      const { degraded } = outbox;
      return { depth: 3, oldestMs: 4_600, dropped: 2, bytes: 99, ...(degraded && { degraded }) };
    },
    counters: async (pipeline: string) => ({ pipeline, total: listeners.size }),
    onCommit(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const mqtt = {
    lastError: undefined as ErrorRecord | undefined,
    setState(topic: string, payload: object, { expiryS }: { expiryS?: number } = {}) {
      published.push({ topic, payload, expiryS });
      for (const { count, resolve } of waiting) if (of(topic).length >= count) resolve();
    },
    status: () => ({ connected: mqtt.lastError === undefined, lastError: mqtt.lastError }),
  };
  const of = (topic: string) => published.filter((message) => message.topic === topic);
  const until = (topic: string, count: number) =>
    new Promise<void>((resolve) => {
      if (of(topic).length >= count) resolve();
      else waiting.push({ count, resolve });
    });
  const loop = { read: () => ({ p50_ms: 0, p99_ms: 1, max_ms: 2 }) };
  const counts = { frames: 12, dropped: 1, torn: 2, stalls: 3, restarts: 4 };
  const cameras = () => ({
    top: { stats: { status: "online", ...counts, faults: ["black"], lastFrameAtMs: undefined } },
  });
  const reporter = new HealthReporter(
    { clock, logger, loop, outbox, mqtt, cameras, pipelines: () => ["a", "b"] },
    { intervalMs: INTERVAL_MS, storePath: tmpdir() },
  );
  onTestFinished(() => reporter.stop());
  const commit = () => {
    for (const listener of listeners) listener();
  };
  return { clock, commit, listeners, logger, mqtt, of, outbox, published, reporter, until };
}

test("the record tells of every part", async () => {
  const { clock, mqtt, outbox, reporter } = setUp();
  clock.advance(90_000);
  outbox.degraded = FULL;
  mqtt.lastError = AWAY;
  expect(await reporter.read()).toMatchObject({
    ts: "2026-01-02T03:05:35.678Z",
    uptime_s: 90,
    event_loop: { p50_ms: 0, p99_ms: 1, max_ms: 2 },
    memory: { rss_bytes: expect.any(Number), heap_bytes: expect.any(Number) },
    disk: { free_bytes: expect.any(Number), total_bytes: expect.any(Number) },
    outbox: { depth: 3, oldest_s: 5, dropped: 2, bytes: 99, error: FULL },
    mqtt: { connected: false, error: AWAY },
    cameras: {
      top: { status: "online", frames: 12, stalls: 3, picture_faults: ["black"], last_frame_ms: null },
    },
  });
});

test("publishes at the start and at each interval, with an expiry that outlives a missed one", async () => {
  const { of, reporter, until } = setUp();
  await reporter.start();
  expect(of("health")).toMatchObject([{ expiryS: 20, payload: { uptime_s: 0 } }]);
  expect(of("pipeline/a/counters")).toHaveLength(1);
  expect(of("pipeline/b/counters")).toHaveLength(1);
  for (let n = 2; n <= 4; n++) {
    vi.advanceTimersByTime(INTERVAL_MS);
    await until("health", n);
  }
  expect(of("health")).toHaveLength(4);
});

test("many verdicts within a second are one publication of counters", async () => {
  const { commit, of, reporter, until } = setUp();
  await reporter.start();
  for (let n = 0; n < 50; n++) commit();
  expect(of("pipeline/a/counters")).toHaveLength(1);
  vi.advanceTimersByTime(1_000);
  await until("pipeline/b/counters", 2);
  commit();
  vi.advanceTimersByTime(1_000);
  await until("pipeline/b/counters", 3);
  expect(of("pipeline/a/counters")).toHaveLength(3);
});

test("the last counters go out when it stops, and then nothing more", async () => {
  const { commit, listeners, of, published, reporter } = setUp();
  await reporter.start();
  commit();
  await reporter.stop();
  expect(of("pipeline/a/counters")).toHaveLength(2);
  expect(listeners.size).toBe(0);
  const before = published.length;
  vi.advanceTimersByTime(10 * INTERVAL_MS);
  expect(vi.getTimerCount()).toBe(0);
  expect(published).toHaveLength(before);
});

test("a record that fails is missed and logged; the next one comes", async () => {
  const { logger, outbox, reporter, until } = setUp();
  await reporter.start();
  const logged = new Promise<void>((resolve) => {
    logger.warn = (fields, message) => {
      logger.lines.push({ level: "warn", fields, message });
      resolve();
    };
  });
  outbox.broken = new Error("busy");
  vi.advanceTimersByTime(INTERVAL_MS);
  await logged;
  expect(logger.lines).toMatchObject([{ level: "warn", message: "health was not published" }]);
  outbox.broken = undefined;
  vi.advanceTimersByTime(INTERVAL_MS);
  await until("health", 2);
});
