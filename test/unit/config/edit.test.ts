import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { withValues } from "../../../config/yaml/edit.ts";

const FILE = `# our line
models:
  pcb:   { bundle:  ./pcb }     # the boards
  labels:
    bundle: './labels'          # quoted as we like it
    max_batch:   4   # was 8


pipelines:
  board: {camera: top,
          model: pcb}
engine:
`;

describe("setting values changes nothing else", () => {
  test.each([
    ["a value", ["models", "labels", "max_batch"], 2, "max_batch:   4 ", "max_batch:   2 "],
    ["a quoted text", ["models", "labels", "bundle"], "./new", "'./labels'", "./new"],
    [
      "a new key of a block",
      ["models", "labels", "stream"],
      "never",
      "# was 8",
      "# was 8\n    stream: never",
    ],
    ["a new key of a flow", ["models", "pcb", "max_batch"], 8, "./pcb }", "./pcb, max_batch: 8 }"],
    ["a new key of a flow on two lines", ["pipelines", "board", "x"], 1, "pcb}", "pcb, x: 1}"],
    ["a section that is empty", ["engine", "slots"], 2, "engine:", 'engine: {"slots":2}'],
    ["a section that is not there", ["log", "level"], "warn", "engine:", "engine:\nlog:\n  level: warn"],
  ] as const)("%s", (_, path, value, before, after) => {
    const changed = withValues(FILE, [{ path: [...path], value }]);
    expect(changed).toBe(FILE.replace(before, after));
    expect(path.reduce((part, key) => part[key], parse(changed))).toBe(value);
  });

  test("several, one after the other, in a file from Windows", () => {
    const text = FILE.replaceAll("\n", "\r\n");
    const changed = withValues(text, [
      { path: ["models", "labels", "a"], value: 1 },
      { path: ["models", "labels", "b"], value: 2 },
    ]);
    expect(changed).toBe(text.replace("# was 8", "# was 8\r\n    a: 1\r\n    b: 2"));
  });

  test("an alias is not written through", () => {
    const text = "a: &x {n: 1}\nb: *x\n";
    expect(() => withValues(text, [{ path: ["b", "n"], value: 2 }])).toThrow(
      "b is an alias: write the value itself",
    );
  });
});
