import { expect, test } from "vitest";
import { cost, least, type Result, type Row, rate } from "../../bench/bench.ts";
import { compare, table } from "../../bench/compare.ts";

const rows = (...results: Result[]): Row[] => results.map((result) => ({ bench: "b", ...result }));

test("medians of all rounds, and above 1 is better, whichever way the figure goes", () => {
  const round = (ms: number, perSecond: number) =>
    rows(cost("delay", "ms", ms, 10), least("frames", "1/s", perSecond, 10));
  const before = [...round(8, 50), ...round(10, 90), ...round(9, 60)];
  const now = [...round(3, 30), ...round(2, 20), ...round(30, 40)];
  expect(compare(before, now)).toEqual([
    { case: "b: delay", unit: "ms", before: 9, now: 3, ratio: 3 },
    { case: "b: frames", unit: "1/s", before: 60, now: 30, ratio: 0.5 },
  ]);
});

test("where there is a peer, its ratio tells which way is better", () => {
  const slow = { ...rate("time", "ms", 20, 40, 1), ratio: 2 };
  const quick = { ...rate("time", "ms", 10, 40, 1), ratio: 4 };
  expect(compare(rows(slow), rows(quick))[0]).toMatchObject({ ratio: 2 });
  expect(
    compare(rows(rate("rate", "1/s", 20, 10, 1)), rows(rate("rate", "1/s", 30, 10, 1)))[0],
  ).toMatchObject({
    ratio: 1.5,
  });
});

test("a case that one state does not have is shown, without a ratio", () => {
  const compared = compare(rows(cost("gone", "ms", 1, 2)), rows(cost("new", "ms", 4, 2)));
  expect(compared.map((each) => [each.case, each.before, each.now, each.ratio])).toEqual([
    ["b: new", null, 4, null],
    ["b: gone", 1, null, null],
  ]);
  expect(table(compared, "abc1234").split("\n")).toEqual([
    "case     unit  abc1234   here  here is",
    "b: new   ms          –  4.000        –",
    "b: gone  ms      1.000      –        –",
  ]);
});
