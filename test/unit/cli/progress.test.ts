import { describe, expect, test } from "vitest";
import { Progress } from "../../../cli/progress.ts";
import { recordingContext } from "./recording-context.ts";

const CLEAR = "\r\x1b[K";

function shown(isTty: boolean) {
  const { errLines, context } = recordingContext(".");
  const written: string[] = [];
  return { errLines, written, progress: new Progress({ ...context, isTty }, (text) => written.push(text)) };
}

describe("on a terminal", () => {
  test("one line is drawn again and again, and cleared at the end", () => {
    const { errLines, progress, written } = shown(true);
    progress.show("calibrate", 0, 4);
    progress.show("calibrate", 1, 4);
    progress.show("calibrate", 4, 4);
    progress.end();
    expect(errLines).toEqual([]);
    expect(written[0]).toBe(`${CLEAR}calibrate ${"░".repeat(24)} 0/4`);
    expect(written[1]?.startsWith(`${CLEAR}calibrate ${"█".repeat(6)}${"░".repeat(18)} 1/4, `)).toBe(true);
    expect(written[1]).toMatch(/, \d+ s left$/);
    expect(written.slice(2)).toEqual([`${CLEAR}calibrate ${"█".repeat(24)} 4/4`, CLEAR]);
  });

  test("a step without an end has no bar", () => {
    const { progress, written } = shown(true);
    progress.show("measure", 3, 0);
    expect(written).toEqual([`${CLEAR}measure`]);
  });

  test("nothing is cleared where nothing was shown, nor twice", () => {
    const { progress, written } = shown(true);
    progress.end();
    expect(written).toEqual([]);
    progress.show("measure", 0, 0);
    progress.end();
    progress.end();
    expect(written).toHaveLength(2);
  });
});

test("elsewhere each step is said once, and again where it comes again", () => {
  const { errLines, progress, written } = shown(false);
  for (const step of ["calibrate", "calibrate", "measure", "calibrate"]) progress.show(step, 1, 2);
  progress.end();
  expect(errLines).toEqual(["calibrate", "measure", "calibrate"]);
  expect(written).toEqual([]);
});
