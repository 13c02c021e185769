import { expect, test } from "vitest";
import { Semaphore } from "../../../runtime/base/semaphore.ts";
import { randomFrom } from "../../fuzz/random.ts";

test("as many as there are permits are granted at once, the others in the order in which they were asked for", async () => {
  const permits = new Semaphore(2);
  const [a, b] = [await permits.acquire(), await permits.acquire()];
  expect([a.hasWaited, b.hasWaited]).toEqual([false, false]);
  const order: string[] = [];
  const [c, d] = ["c", "d"].map((name) =>
    permits.acquire().then((permit) => {
      order.push(name);
      return permit;
    }),
  );
  a.release();
  a.release();
  expect((await c)?.hasWaited).toBe(true);
  expect(order).toEqual(["c"]);
  b.release();
  await d;
  expect(order).toEqual(["c", "d"]);
});

const seeds = [1, Math.floor(Math.random() * 2 ** 32)];

test.each(seeds)("no permit is lost and none is granted twice (seed %d)", async (seed) => {
  const random = randomFrom(seed);
  const permits = new Semaphore(3);
  let [inside, most, done] = [0, 0, 0];
  const visitor = async () => {
    for (let i = 0; i < 200; i++) {
      const { release } = await permits.acquire();
      most = Math.max(most, ++inside);
      for (let turns = Math.floor(random() * 5); turns > 0; turns--) await Promise.resolve();
      inside--;
      release();
      if (random() < 0.2) release();
      done++;
    }
  };
  await Promise.all(Array.from({ length: 10 }, visitor));
  expect({ inside, most, done }).toEqual({ inside: 0, most: 3, done: 2_000 });
});
