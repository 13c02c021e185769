import { setTimeout as timer } from "node:timers/promises";
import { expect, test } from "vitest";
import { EventLoopMonitor } from "../../../services/health/event-loop.ts";

const BLOCK_MS = 120;

/** Holds this thread. */
function block(): void {
  const endMs = performance.now() + BLOCK_MS;
  while (performance.now() < endMs);
}

test("a blocked loop shows, and a reset forgets it", async () => {
  const monitor = new EventLoopMonitor();
  monitor.start();
  try {
    // The first sample must be in before the block, for delay is measured from one to the next.
    while (monitor.read().max_ms === 0) await timer(1);
    monitor.reset();
    await timer(10);
    block();
    while (monitor.read().max_ms < BLOCK_MS / 2) await timer(1);
    const { max_ms, p50_ms, p99_ms } = monitor.read();
    expect(max_ms).toBeGreaterThanOrEqual(p99_ms);
    expect(p99_ms).toBeGreaterThanOrEqual(p50_ms);
    monitor.reset();
    expect(monitor.read()).toEqual({ p50_ms: 0, p99_ms: 0, max_ms: 0 });
  } finally {
    monitor.stop();
  }
});

test("before the first sample everything is zero", () => {
  expect(new EventLoopMonitor().read()).toEqual({ p50_ms: 0, p99_ms: 0, max_ms: 0 });
});
