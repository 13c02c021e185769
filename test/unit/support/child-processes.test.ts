import { once } from "node:events";
import { afterAll, expect, test } from "vitest";
import { startChild } from "../../support/child-processes.ts";
import { startedBy } from "../../support/nothing-left.ts";
import { isAlive } from "../../support/processes.ts";

const PIPED = { stdio: ["ignore", "pipe", "inherit"] } as const;
/** Leaves a process that is bound to nobody, in a session of its own. */
const LEAVES = "setsid sleep 1000 & echo $!; wait";
let left: number[] = [];

test("a run's processes are known by their environment, however they were started", async () => {
  const run = `test.${process.pid}`;
  const env = { ...process.env, SIGHTLINE_TEST_RUNS: `other ${run} another` };
  const child = startChild("sh", ["-c", LEAVES], { ...PIPED, env });
  const [pid] = await once(child.stdout, "data");
  left = [child.pid ?? 0, Number(pid)];
  const found = await startedBy(run);
  expect(found.map((line) => Number(line.split(" ")[0])).sort()).toEqual(left.toSorted());
  expect(await startedBy("test")).toEqual([]);
});

test("a child ends with its test, and so does what it has started", async () => {
  expect(left).toHaveLength(2);
  expect(await Promise.all(left.map(isAlive))).toEqual([false, false]);
});

afterAll(() => {
  // A test whose time was over may still go on, and must start nothing then.
  expect(() => startChild("sleep", ["1000"], PIPED)).toThrow();
});
