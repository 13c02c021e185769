import { expect, test } from "vitest";
import type { Verdict } from "../../../../runtime/pipeline/decide.ts";
import { Window } from "../../../../runtime/pipeline/stages/window.ts";

const through = (fails: number, of: number, frames: string): string => {
  const names: Record<string, Verdict> = { P: "pass", F: "fail", R: "review", E: "error" };
  const window = new Window({ fails, of });
  return [...frames].map((letter) => window.next(names[letter] ?? "error")[0]?.toUpperCase()).join("");
};

test.each([
  { what: "1 of 1 changes nothing", fails: 1, of: 1, frames: "PFPFR", verdicts: "PFPFR" },
  { what: "one noisy frame passes", fails: 2, of: 3, frames: "PFPPP", verdicts: "PPPPP" },
  {
    what: "two of three fail, for as long as both are in the window",
    fails: 2,
    of: 3,
    frames: "FFPPP",
    verdicts: "PFFPP",
  },
  { what: "all of three", fails: 3, of: 3, frames: "FFFFP", verdicts: "PPFFP" },
  { what: "review stays review unless the window fails", fails: 2, of: 3, frames: "RFFR", verdicts: "RPFF" },
  {
    what: "errors are answered as such and count as nothing",
    fails: 2,
    of: 2,
    frames: "FEF",
    verdicts: "PEF",
  },
])("$what", ({ fails, frames, of, verdicts }) => {
  expect(through(fails, of, frames)).toBe(verdicts);
});
