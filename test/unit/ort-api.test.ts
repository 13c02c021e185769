import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const ENTRY = /Ort(?:Entry|Call)<(\d+),[^;]*?>\s+(\w+)\{table\};/g;

test("every function of ONNX Runtime's table stands where its header has it", () => {
  const ours = readFileSync(join(ROOT, "runtime/native/engine/ort_api.h"), "utf8");
  const { functions } = JSON.parse(
    readFileSync(join(ROOT, "test/fixtures/ort-api/functions.json"), "utf8"),
  ) as { functions: string[] };
  const entries = [...ours.matchAll(ENTRY)].map(([, index, name]) => ({ index: Number(index), name }));
  expect(entries.length).toBe(ours.match(/\{table\};/g)?.length);
  expect(entries).toEqual(entries.map(({ index }) => ({ index, name: functions[index] })));
});
