import { expect, test } from "vitest";
import { Beats } from "../../../runtime/scheduler/beats.ts";
import { randomFrom } from "../../fuzz/random.ts";

test("the next arrival is that of the camera whose beat comes first", () => {
  const beats = new Beats();
  for (let i = 0; i < 10; i++) {
    beats.observe("slow", i * 100);
    beats.observe("fast", 40 + i * 33);
  }
  expect(beats.nextAfter(340)).toBe(370);
  expect(beats.nextAfter(380)).toBe(1_000);
});

test("random arrivals, and too few, are no beat", () => {
  const beats = new Beats();
  const random = randomFrom(7);
  let atMs = 0;
  for (let i = 0; i < 100; i++) {
    atMs += -Math.log(1 - random()) * 20;
    beats.observe("clicks", atMs);
  }
  for (let i = 0; i < 8; i++) beats.observe("new", i * 10);
  expect(beats.nextAfter(0)).toBeUndefined();
});

test("a camera that has gone has no next", () => {
  const beats = new Beats();
  for (let i = 0; i < 10; i++) beats.observe("gone", i * 100);
  expect(beats.nextAfter(950)).toBe(1_000);
  expect(beats.nextAfter(1_250)).toBeUndefined();
  expect(beats.nextAfter(950)).toBeUndefined();
});
