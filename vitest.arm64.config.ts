import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/support/longest-first.ts";
import { NATIVE_TESTS } from "./test/support/native-tests.ts";
import { otherNode } from "./test/support/other-node.ts";

/** Against what hangs: the longest takes two quiet minutes, and a busy machine many times that. */
const patience = { testTimeout: 3_600_000, hookTimeout: 3_600_000 };

/** Vitest itself runs on this machine, its workers on the board. */
const onBoard = (board: string) => ({
  test: {
    name: board,
    include: NATIVE_TESTS,
    setupFiles: ["test/arm64/expect-board.ts"],
    // The emulated Node starts once a worker, not once a file: that takes it seconds.
    isolate: false,
    pool: otherNode(fileURLToPath(new URL(`deploy/arm64/${board}/node`, import.meta.url))),
    // Tests that compile something do it for the board.
    env: { SIGHTLINE_BOARD: board, SIGHTLINE_SHORT_TESTS: "1", CXX: "aarch64-linux-gnu-g++" },
    ...patience,
  },
});

/** What looks at a board from outside. */
const aboutBoards = { test: { name: "arm64", include: ["test/arm64/*.test.ts"], ...patience } };

const boards = [aboutBoards, onBoard("pi4"), onBoard("pi5")];
/** On an arm64 machine all other tests have run on the real thing. */
const isBoard = process.arch === "arm64";

export default defineConfig({
  test: {
    globalSetup: "test/support/nothing-left.ts",
    // A worker a core; by default Vitest keeps one core for itself, and here it has little to do.
    maxWorkers: "100%",
    sequence: { sequencer: LongestFirst },
    passWithNoTests: isBoard,
    projects: isBoard ? [{ test: { name: "nothing to emulate", include: [] } }] : boards,
  },
});
