import { expect, test } from "vitest";
import { ThermalLadder } from "../../../runtime/scheduler/thermal-ladder.ts";
import { randomFrom } from "../../fuzz/random.ts";

const OPTIONS = { hot: 80, cool: 72, holdMs: 10_000, steps: 3 };

test("a step when hot, one more after a while, and back one by one when cool", () => {
  const ladder = new ThermalLadder(OPTIONS);
  const at = (seconds: number, celsius: number) => ladder.observe(celsius, seconds * 1_000);
  expect(at(0, 79.9)).toBe(0);
  expect(at(1, 80)).toBe(1);
  expect(at(5, 95)).toBe(1);
  expect(at(11, 81)).toBe(2);
  expect(at(30, 76)).toBe(2);
  expect(at(31, 72)).toBe(1);
  expect(at(32, 40)).toBe(1);
  expect(at(41, 40)).toBe(0);
  expect(at(60, 40)).toBe(0);
});

const seeds = [1, Math.floor(Math.random() * 2 ** 32)];

test.each(seeds)("whatever the temperature does, one step at a time and not too often (seed %d)", (seed) => {
  const random = randomFrom(seed);
  const ladder = new ThermalLadder(OPTIONS);
  let [level, changedMs] = [0, Number.NEGATIVE_INFINITY];
  for (let nowMs = 0; nowMs < 2_000_000; nowMs += 1_000) {
    const celsius = 60 + 40 * random();
    const next = ladder.observe(celsius, nowMs);
    if (next === level) continue;
    expect(Math.abs(next - level)).toBe(1);
    expect(nowMs - changedMs).toBeGreaterThanOrEqual(OPTIONS.holdMs);
    expect(next > level ? celsius >= OPTIONS.hot : celsius <= OPTIONS.cool).toBe(true);
    expect(next).toBeLessThanOrEqual(OPTIONS.steps);
    [level, changedMs] = [next, nowMs];
  }
});
