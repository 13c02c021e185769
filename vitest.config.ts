import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/support/longest-first.ts";

/** One project a kind of test; see docs/hacking.md. */
const kinds = ["unit", "contract", "simulation", "e2e", "fuzz", "bench"];
/** Against what hangs, and nothing else: a machine that is busy, or stands still for a while, is no fault of the test's. */
const PATIENCE_MS = 300_000;

export default defineConfig({
  test: {
    globalSetup: "test/support/nothing-left.ts",
    // Half of the tests wait for processes that they start, and half compute: two files keep two cores busy.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    projects: kinds.map((name) => ({
      test: {
        name,
        // A kernel's tests stand in its folder.
        include: [`test/${name}/**/*.test.ts`, ...(name === "unit" ? ["runtime/**/*.test.ts"] : [])],
        pool: "forks",
        testTimeout: PATIENCE_MS,
        hookTimeout: PATIENCE_MS,
        expect: { poll: { timeout: PATIENCE_MS } },
      },
    })),
  },
});
