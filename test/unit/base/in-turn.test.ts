import { expect, test } from "vitest";
import { InTurn } from "../../../runtime/base/in-turn.ts";

test("work begins in the order in which it was handed in, whatever is ready first; one that fails holds nobody up", async () => {
  const turns = new InTurn();
  const begun: string[] = [];
  const work = async (name: string) => {
    begun.push(name);
    return name.toUpperCase();
  };
  const first = Promise.withResolvers<string>();
  const results = [
    turns.run(first.promise, work),
    turns.run(Promise.reject(new Error("never ready")), work),
    turns.run(Promise.resolve("third"), work),
  ];
  const settled = Promise.allSettled(results);
  await new Promise((resolve) => setImmediate(resolve));
  expect(begun).toEqual([]);
  first.resolve("first");
  expect((await settled).map((r) => (r.status === "fulfilled" ? r.value : "failed"))).toEqual([
    "FIRST",
    "failed",
    "THIRD",
  ]);
  expect(begun).toEqual(["first", "third"]);
});
