import { execFileSync, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { tempFolder } from "../support/temp-folder.ts";

const NODE = fileURLToPath(new URL("node", import.meta.url));

/** Opens a library that was built as the sanitized addon is, and that runs this line as it is opened. */
async function open(line: string) {
  const folder = await tempFolder();
  const [source, library] = [join(folder, "tiny.cc"), join(folder, "tiny.node")];
  await writeFile(source, `__attribute__((constructor)) static void Run() { ${line} }\n`);
  const flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-shared", "-fPIC"];
  execFileSync(process.env.CXX ?? "c++", [...flags, source, "-o", library]);
  const script = `process.dlopen({ exports: {} }, ${JSON.stringify(library)})`;
  const { signal, status, stderr } = spawnSync(NODE, ["-e", script], { encoding: "utf8" });
  return { hasFailed: signal !== null || status !== 0, stderr };
}

test.each([
  [
    "a write behind an array",
    "static volatile int end = 4; int* four = new int[4]; four[end] = 1;",
    "heap-buffer-overflow",
  ],
  [
    "a read of freed memory",
    "volatile char* block = new char[8]; delete[] block; block[0];",
    "heap-use-after-free",
  ],
  ["a sum beyond int", "static volatile int most = 0x7fffffff; most = most + 1;", "signed integer overflow"],
  [
    "a shift by too much",
    "static volatile int bits = 32; bits = 1 << bits;",
    "shift exponent 32 is too large",
  ],
])("%s ends the process", async (_, line, message) => {
  const { hasFailed, stderr } = await open(line);
  expect(hasFailed).toBe(true);
  expect(stderr).toContain(message);
});
