import { expect, test } from "vitest";
import { type SlotAccess, Slots, type SlotUser } from "../../../runtime/scheduler/slots.ts";
import { randomFrom } from "../../fuzz/random.ts";

/** A model that always has work, or as much as the test gives it. */
class Model implements SlotUser {
  readonly weight: number;
  readonly running: number[] = [];
  work = Number.POSITIVE_INFINITY;
  due = 0;
  access: SlotAccess | undefined;

  constructor(slots: Slots, weight: number) {
    this.weight = weight;
    this.access = slots.join(this);
  }

  get dueMs(): number | undefined {
    return this.work > 0 ? this.due : undefined;
  }

  start(slot: number): boolean {
    this.work--;
    this.running.push(slot);
    return true;
  }
}

const seeds = [1, Math.floor(Math.random() * 2 ** 32)];

test.each(seeds)("time is shared by weight while all have work (seed %d)", (seed) => {
  const random = randomFrom(seed);
  const slots = new Slots(3);
  const models = [1, 2, 5].map((weight) => new Model(slots, weight));
  const usedMs = models.map(() => 0);
  for (const { access } of models) access?.request();
  for (let i = 0; i < 20_000; i++) {
    const busy = models.flatMap(({ running }, m) => running.map((slot) => ({ m, slot })));
    const { m, slot } = busy[Math.floor(random() * busy.length)] ?? { m: 0, slot: 0 };
    const model = models[m];
    // The second's runs are ten times as long: shares are of time, not of runs.
    const ms = random() * (m === 1 ? 50 : 5);
    usedMs[m] = (usedMs[m] ?? 0) + ms;
    model?.running.splice(model.running.indexOf(slot), 1);
    model?.access?.release(slot, ms);
  }
  const total = usedMs.reduce((sum, ms) => sum + ms, 0);
  for (const [m, share] of [1 / 8, 2 / 8, 5 / 8].entries()) {
    expect((usedMs[m] ?? 0) / total).toBeGreaterThan(share * 0.95);
    expect((usedMs[m] ?? 0) / total).toBeLessThan(share * 1.05);
  }
  const lent = models.flatMap(({ running }) => running);
  expect(lent.toSorted()).toEqual([0, 1, 2]);
});

test("among those that are even the more urgent goes first", () => {
  const slots = new Slots(1);
  const [a, b, c] = [new Model(slots, 1), new Model(slots, 1), new Model(slots, 1)];
  for (const model of [a, b, c]) model.work = 1;
  Object.assign(a, { due: 10 });
  Object.assign(b, { due: 30 });
  Object.assign(c, { due: 20 });
  a.access?.request();
  b.access?.request();
  c.access?.request();
  expect(a.running).toEqual([0]);
  a.access?.release(0, 5);
  expect(c.running).toEqual([0]);
  c.access?.release(0, 5);
  expect(b.running).toEqual([0]);
});

test("one that comes back has saved up nothing, and a flood does not hold it up", () => {
  const slots = new Slots(1);
  const flood = new Model(slots, 1);
  const rare = new Model(slots, 1);
  rare.work = 0;
  flood.access?.request();
  for (let i = 0; i < 100; i++) flood.access?.release(flood.running.pop() ?? 0, 100);
  Object.assign(rare, { work: 50, due: 1e9 });
  rare.access?.request();
  const order: string[] = [];
  for (let i = 0; i < 20; i++) {
    const model = rare.running.length > 0 ? rare : flood;
    order.push(model === rare ? "rare" : "flood");
    model.access?.release(model.running.pop() ?? 0, 100);
  }
  expect(order.slice(0, 3)).toContain("rare");
  expect(order.filter((each) => each === "rare").length).toBeGreaterThanOrEqual(8);
  expect(order.filter((each) => each === "rare").length).toBeLessThanOrEqual(12);
});

test("who starts nothing after all leaves the slot to the next", () => {
  const slots = new Slots(1);
  const [first, idle, busy] = [new Model(slots, 1), new Model(slots, 1), new Model(slots, 1)];
  for (const model of [first, idle, busy]) model.work = 1;
  busy.due = 10;
  let asked = 0;
  idle.start = () => {
    asked++;
    idle.work = 0;
    return false;
  };
  for (const { access } of [first, idle, busy]) access?.request();
  expect(first.running).toEqual([0]);
  first.access?.release(0, 1);
  expect(asked).toBe(1);
  expect(busy.running).toEqual([0]);
});
