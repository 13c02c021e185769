import { expect, test } from "vitest";
import { CostModel } from "../../../runtime/scheduler/cost-model.ts";
import { randomFrom } from "../../fuzz/random.ts";

const near = (value: number, tolerance: number) => expect.closeTo(value, -Math.log10(2 * tolerance));

test("nothing is known before the first run, and after a second without one", () => {
  const model = new CostModel();
  expect(model.costAt(0)).toBeUndefined();
  model.observe(1, 5, 100);
  expect(model.costAt(1_100)).toEqual({ baseMs: 0, perItemMs: 5 });
  expect(model.costAt(1_101)).toBeUndefined();
});

test("finds the line through runs of several sizes", () => {
  const model = new CostModel();
  for (let i = 0; i < 48; i++) model.observe(1 + (i % 8), 4 + (1 + (i % 8)), i);
  expect(model.costAt(50)).toEqual({ baseMs: near(4, 0.01), perItemMs: near(1, 0.01) });
});

test("goes by the slow runs, and one that was interrupted does not count", () => {
  const model = new CostModel();
  const random = randomFrom(3);
  for (let i = 0; i < 200; i++) model.observe(1, i === 180 ? 500 : 10 + random(), i);
  const { perItemMs = 0 } = model.costAt(200) ?? {};
  expect(perItemMs).toBeGreaterThan(10.7);
  expect(perItemMs).toBeLessThan(11.1);
});

test("a processor that slows down by half is followed within as many runs as are remembered", () => {
  const model = new CostModel();
  const observe = (count: number, ms: number) => {
    for (let i = 0; i < count; i++) model.observe(1, ms, i);
  };
  observe(100, 5);
  observe(8, 10);
  expect(model.costAt(8)?.perItemMs).toBe(10);
  observe(48, 5);
  expect(model.costAt(48)?.perItemMs).toBe(5);
});

test("neither part of the line is negative", () => {
  const model = new CostModel();
  for (let i = 0; i < 20; i++) model.observe(1 + (i % 2), i % 2 === 0 ? 10 : 8, i);
  const falling = model.costAt(20);
  expect(falling?.perItemMs).toBe(0);
  const steep = new CostModel();
  for (let i = 0; i < 20; i++) steep.observe(1 + (i % 2), i % 2 === 0 ? 1 : 8, i);
  expect(steep.costAt(20)?.baseMs).toBeGreaterThanOrEqual(0);
});
