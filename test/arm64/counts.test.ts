import { expect, test } from "vitest";
import { compareCounts, readBaseline } from "../../bench/arm64/baseline.ts";
import { hottest } from "../../bench/arm64/hot-loop.ts";
import { countsOf, measure } from "../../bench/arm64/measure.ts";
import { listWorkloads } from "../../bench/arm64/workloads.ts";

test("no kernel executes more instructions than on record", () => {
  expect(compareCounts(countsOf(measure()), readBaseline())).toEqual([]);
});

test("counts repeat exactly", () => {
  const last = listWorkloads().slice(-1);
  expect(measure(last)).toEqual(measure(last));
});

test("a count that grew by more than 3 % is named with both figures, one that grew by less is not", () => {
  const record = { compiler: "gcc", instructions: { "a neon cortex-a72": 1000, "b neon cortex-a72": 1000 } };
  const found = { compiler: "gcc", instructions: { "a neon cortex-a72": 1031, "b neon cortex-a72": 1030 } };
  expect(compareCounts(found, record)).toEqual([
    "a neon cortex-a72 executes 1031 instructions a call instead of 1000 (+3.1 %)",
  ]);
});

test("workloads that came or went, and another compiler, ask for a new record", () => {
  const record = readBaseline();
  const update = expect.stringContaining("npm run bench:arm64 -- --update");
  const [name = ""] = Object.keys(record.instructions);
  const { [name]: _, ...others } = record.instructions;
  expect(compareCounts(record, { ...record, instructions: others })).toEqual([update]);
  expect(compareCounts({ ...record, instructions: others }, record)).toEqual([update]);
  expect(compareCounts({ ...record, compiler: "newer" }, record)).toEqual([update]);
});

test("the hottest loop is whole where QEMU had cut it at a page", () => {
  const blocks = [
    { address: 0x1000, instructions: 9, runs: 10 },
    { address: 0x1ff8, instructions: 2, runs: 50 },
    { address: 0x2000, instructions: 3, runs: 50 },
    { address: 0x200c, instructions: 4, runs: 10 },
  ];
  expect(hottest(blocks)).toEqual({ address: 0x1ff8, instructions: 5, runs: 50 });
});
