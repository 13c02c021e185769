import { expect, test } from "vitest";
import type { Verdict } from "../../../../runtime/pipeline/decide.ts";
import { Hysteresis } from "../../../../runtime/pipeline/stages/hysteresis.ts";

const NAMES: Record<string, Verdict> = { P: "pass", F: "fail", R: "review", E: "error" };

test.each([
  { what: "1 and 1 change nothing", fail_after: 1, pass_after: 1, frames: "PFPFR", verdicts: "PFPFR" },
  { what: "a flicker rings no alarm", fail_after: 2, pass_after: 2, frames: "PFPFP", verdicts: "PPPPP" },
  { what: "two in a row do", fail_after: 2, pass_after: 1, frames: "PFFFP", verdicts: "PPFFP" },
  {
    what: "and a flicker does not end it",
    fail_after: 1,
    pass_after: 3,
    frames: "FPPFPPP",
    verdicts: "FFFFFFP",
  },
  { what: "review stays while nothing fails", fail_after: 2, pass_after: 2, frames: "RFR", verdicts: "RPR" },
  { what: "errors count as nothing", fail_after: 2, pass_after: 2, frames: "FEFEP", verdicts: "PEFEF" },
])("$what", ({ fail_after, frames, pass_after, verdicts }) => {
  const hysteresis = new Hysteresis({ fail_after, pass_after });
  const answers = [...frames].map((letter) => hysteresis.next(NAMES[letter] ?? "error")[0]?.toUpperCase());
  expect(answers.join("")).toBe(verdicts);
});
