import { expect, test } from "vitest";
import { mapConcurrently } from "../../../runtime/pipeline/map-concurrently.ts";
import { range } from "../../support/results.ts";

test("results keep the order of the items, and no more run at once than there are concurrency", async () => {
  let [running, most] = [0, 0];
  const results = await mapConcurrently(range(1, 20), 3, async (n) => {
    most = Math.max(most, ++running);
    for (let turn = 0; turn < n % 4; turn++) await Promise.resolve();
    running--;
    return n * n;
  });
  expect(results).toEqual(range(1, 20).map((n) => n * n));
  expect(most).toBe(3);
});

test("after a failure nothing new begins, and what runs is waited for", async () => {
  const ended: number[] = [];
  const work = async (n: number) => {
    if (n === 1) throw new Error("broken");
    await new Promise((resolve) => setImmediate(resolve));
    ended.push(n);
  };
  await expect(mapConcurrently(range(1, 9), 3, work)).rejects.toThrow("broken");
  expect(ended).toEqual([2, 3]);
});

test("nothing to do is done at once", async () => {
  expect(await mapConcurrently([], 3, async () => 1)).toEqual([]);
});
