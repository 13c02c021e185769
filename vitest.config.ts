import { defineConfig } from "vitest/config";

/** One project a kind of test; see docs/hacking.md. */
const kinds = ["unit", "contract", "simulation", "e2e", "fuzz", "bench"];

export default defineConfig({
  test: {
    projects: kinds.map((name) => ({
      test: {
        name,
        // A kernel's tests stand in its folder.
        include: [`test/${name}/**/*.test.ts`, ...(name === "unit" ? ["runtime/**/*.test.ts"] : [])],
        pool: "forks",
        testTimeout: 60_000,
        hookTimeout: 60_000,
      },
    })),
  },
});
