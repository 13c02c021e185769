import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseBoxes, parseClass, readLabels } from "../../../toolchain/quantize/score/labels.ts";

const LABELS = ["open", "short", "pin hole", "3"];
const code = expect.objectContaining({ name: "SightlineError", code: "ERR_LABELS" });

describe("parseBoxes", () => {
  it("takes names and numbers from 1, spaces and commas, any line ends", () => {
    expect(parseBoxes("1 2 30 40 open\r\n\n1.5,2,3,4,2\n  0, 0, 1, 1, pin hole  \n", LABELS)).toEqual([
      { label: "open", box: [1, 2, 30, 40] },
      { label: "short", box: [1.5, 2, 3, 4] },
      { label: "pin hole", box: [0, 0, 1, 1] },
    ]);
  });

  it("takes a name before a number", () => {
    expect(parseBoxes("0 0 1 1 3", LABELS)[0]?.label).toBe("3");
  });

  it("gives none for a file with nothing in it: a good board", () =>
    expect(parseBoxes("\n \n", LABELS)).toEqual([]));

  it.each([
    ["too few numbers", "1 2 3 open"],
    ["no number", "1 2 x 4 open"],
    ["infinity", "1 2 Infinity 4 open"],
    ["right of left", "30 2 3 4 open"],
    ["above", "1 20 3 4 open"],
    ["no class", "1 2 3 4"],
    ["an unknown class", "1 2 3 4 scratch"],
    ["class 0", "1 2 3 4 0"],
    ["a class beyond the last", "1 2 3 4 5"],
    ["half a class", "1 2 3 4 1.5"],
  ])("refuses %s", (_, line) => expect(() => parseBoxes(`0 0 1 1 open\n${line}`, LABELS)).toThrow(code));
});

describe("parseClass", () => {
  it("takes one line", () => {
    expect(parseClass("short\n", LABELS)).toBe("short");
    expect(parseClass("2", LABELS)).toBe("short");
  });

  it.each(["", "open\nshort", "scratch", "0"])("refuses %j", (text) =>
    expect(() => parseClass(text, LABELS)).toThrow(code),
  );
});

describe("readLabels", () => {
  it("finds the file by the picture's name, else says which is missing", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sightline-labels-"));
    try {
      await writeFile(join(folder, "board.7.txt"), "open");
      expect(await readLabels(folder, "/pictures/board.7.jpg")).toBe("open");
      await expect(readLabels(folder, "board8.jpg")).rejects.toThrow(code);
      await expect(readLabels(folder, "board8.jpg")).rejects.toThrow("board8.txt");
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
