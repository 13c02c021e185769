import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { StallWatch } from "../../../services/camera/stall-watch.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const clock = new FakeClock();
let frames = 0;
let stalledAtMs: number[] = [];
let nowMs = 0;

beforeEach(() => {
  vi.useFakeTimers();
  [frames, nowMs, stalledAtMs] = [0, 0, []];
});
afterEach(() => {
  vi.useRealTimers();
});

function watch() {
  const started = new StallWatch(clock, () => frames, { startMs: 10_000, stallMs: 2_000 });
  started.start(() => stalledAtMs.push(nowMs));
  return started;
}

function pass(ms: number, framesPerMs = 0): void {
  for (let i = 0; i < ms; i += 10) {
    frames += framesPerMs * 10;
    nowMs += 10;
    clock.advance(10);
    vi.advanceTimersByTime(10);
  }
}

test("silence is a stall within the limit, once", () => {
  watch();
  pass(1_000, 0.1);
  pass(5_000);
  expect(stalledAtMs).toHaveLength(1);
  expect(stalledAtMs[0]).toBeGreaterThan(2_800);
  expect(stalledAtMs[0]).toBeLessThanOrEqual(3_000);
});

test("the first frame may take longer", () => {
  watch();
  pass(9_000);
  expect(stalledAtMs).toEqual([]);
  pass(2_000);
  expect(stalledAtMs).toHaveLength(1);
});

test("a main thread that was away does not take its own delay for the camera's", () => {
  watch();
  pass(500, 0.1);
  frames += 300;
  clock.advance(5_000);
  vi.advanceTimersByTime(100);
  expect(stalledAtMs).toEqual([]);
});

test("nothing is said after its end", () => {
  watch().stop();
  pass(20_000);
  expect(stalledAtMs).toEqual([]);
});
