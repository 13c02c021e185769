import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { endOf, runSync } from "../support/child-processes.ts";
import { tempFolder } from "../support/temp-folder.ts";

const HEADERS = fileURLToPath(new URL("../../node_modules/node-api-headers/include", import.meta.url));
const NODE = fileURLToPath(new URL("node", import.meta.url));

/** Builds a library as the sanitized addon is built, and runs a script with its path as last argument. */
async function run(script: string, ...lines: string[]) {
  const folder = await tempFolder();
  const [source, library] = [join(folder, "tiny.cc"), join(folder, "tiny.node")];
  await writeFile(source, `${lines.join("\n")}\n`);
  const flags = [
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-shared",
    "-fPIC",
    "-I",
    HEADERS,
  ];
  runSync(process.env.CXX ?? "c++", [...flags, source, "-o", library]);
  const { signal, status, stderr } = endOf(NODE, ["-e", script, library]);
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
  const { hasFailed, stderr } = await run(
    "process.dlopen({ exports: {} }, process.argv[1])",
    `__attribute__((constructor)) static void Run() { ${line} }`,
  );
  expect(hasFailed).toBe(true);
  expect(stderr).toContain(message);
});

test.each(["new Uint8Array(10)", "new Float32Array(9)", "Buffer.alloc(5000)"])(
  "a write behind %s ends the process, though the memory is JavaScript's",
  async (array) => {
    const { hasFailed, stderr } = await run(
      `const array = ${array}; require(process.argv[1])(array)`,
      "#include <node_api.h>",
      "static napi_value Write(napi_env env, napi_callback_info info) {",
      "  napi_value array, buffer;",
      "  size_t count = 1, length, offset;",
      "  napi_typedarray_type type;",
      "  void* data;",
      "  napi_get_cb_info(env, info, &count, &array, nullptr, nullptr);",
      "  napi_get_typedarray_info(env, array, &type, &length, &data, &buffer, &offset);",
      "  const size_t bytes = type == napi_float32_array ? 4 * length : length;",
      "  static_cast<volatile char*>(data)[bytes] = 1;",
      "  return nullptr;",
      "}",
      "NAPI_MODULE_INIT() {",
      "  napi_value write;",
      '  napi_create_function(env, "write", 5, Write, nullptr, &write);',
      "  return write;",
      "}",
    );
    expect(hasFailed).toBe(true);
    expect(stderr).toContain("heap-buffer-overflow");
  },
);
