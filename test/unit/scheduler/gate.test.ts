import { expect, test } from "vitest";
import { Gate } from "../../../runtime/scheduler/gate.ts";
import { randomFrom } from "../../fuzz/random.ts";

test("as many as there are places come in at once; the others in the order in which they asked", async () => {
  const gate = new Gate(2);
  const [a, b] = [await gate.enter(), await gate.enter()];
  expect([a.hasWaited, b.hasWaited]).toEqual([false, false]);
  const order: string[] = [];
  const [c, d] = ["c", "d"].map((name) =>
    gate.enter().then((admission) => {
      order.push(name);
      return admission;
    }),
  );
  a.leave();
  a.leave();
  expect((await c)?.hasWaited).toBe(true);
  expect(order).toEqual(["c"]);
  b.leave();
  await d;
  expect(order).toEqual(["c", "d"]);
});

const seeds = [1, Math.floor(Math.random() * 2 ** 32)];

test.each(seeds)("no place is lost and none is given twice (seed %d)", async (seed) => {
  const random = randomFrom(seed);
  const gate = new Gate(3);
  let [inside, most, done] = [0, 0, 0];
  const visitor = async () => {
    for (let i = 0; i < 200; i++) {
      const { leave } = await gate.enter();
      most = Math.max(most, ++inside);
      for (let turns = Math.floor(random() * 5); turns > 0; turns--) await Promise.resolve();
      inside--;
      leave();
      if (random() < 0.2) leave();
      done++;
    }
  };
  await Promise.all(Array.from({ length: 10 }, visitor));
  expect({ inside, most, done }).toEqual({ inside: 0, most: 3, done: 2_000 });
});
