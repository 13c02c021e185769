import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ERRORS, SightlineError } from "../../runtime/base/errors.ts";

test("docs/errors.md lists exactly the table", () => {
  const text = readFileSync(join(import.meta.dirname, "../../docs/errors.md"), "utf8");
  const rows = text.split("\n").filter((line) => line.startsWith("| `ERR_"));
  const wanted = Object.entries(ERRORS).map(
    ([code, { hint, meaning }]) => `| \`${code}\` | ${meaning} | ${hint} |`,
  );
  expect(rows).toEqual(wanted);
});

test("a record carries code, message and hint to another thread and back", () => {
  const error = new SightlineError("ERR_STORE_FULL", "no room", { hint: "make some" });
  const back = SightlineError.from(structuredClone(error.toRecord()));
  expect(back).toBeInstanceOf(SightlineError);
  expect([back.code, back.message, back.hint]).toEqual(["ERR_STORE_FULL", "no room", "make some"]);
});

test("wrap keeps an error of ours and gives a stranger a code, its message and its cause", () => {
  const ours = new SightlineError("ERR_DEADLINE", "late");
  expect(SightlineError.wrap("ERR_IMAGE_READ", ours)).toBe(ours);
  const stranger = new Error("EACCES");
  const wrapped = SightlineError.wrap("ERR_IMAGE_READ", stranger, "a.jpg");
  expect(wrapped.message).toBe("a.jpg: EACCES");
  expect(wrapped.cause).toBe(stranger);
  expect(wrapped.hint).toBe(ERRORS.ERR_IMAGE_READ.hint);
});
