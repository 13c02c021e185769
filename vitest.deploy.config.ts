import { defineConfig } from "vitest/config";

const patience = { testTimeout: 1_800_000, hookTimeout: 1_800_000 };

/** What is installed: packages in bare systems. Needs root. */
export default defineConfig({
  test: {
    globalSetup: "test/support/nothing-left.ts",
    // Each takes both cores.
    maxWorkers: 1,
    projects: ["package", "machine", "container"].map((name) => ({
      test: { name, include: [`test/deploy/${name}.test.ts`], ...patience },
    })),
  },
});
