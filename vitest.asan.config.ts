import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { NATIVE_TESTS } from "./test/support/native-tests.ts";
import { otherNode } from "./test/support/other-node.ts";

const patience = { testTimeout: 900_000, hookTimeout: 900_000, expect: { poll: { timeout: 900_000 } } };

export default defineConfig({
  test: {
    globalSetup: "test/support/nothing-left.ts",
    maxWorkers: "100%",
    projects: [
      {
        test: {
          name: "asan",
          include: [
            ...NATIVE_TESTS,
            "test/fuzz/kernels.test.ts",
            "test/contract/mapped-weights.test.ts",
            "test/contract/model-manager.test.ts",
          ],
          setupFiles: ["test/asan/expect-asan.ts"],
          pool: otherNode(fileURLToPath(new URL("test/asan/node", import.meta.url))),
          ...patience,
        },
      },
      { test: { name: "asan bites", include: ["test/asan/*.test.ts"], ...patience } },
    ],
  },
});
