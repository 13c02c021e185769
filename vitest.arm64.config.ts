import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { NATIVE_TESTS } from "./test/support/native-tests.ts";
import { otherNode } from "./test/support/other-node.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const patience = { testTimeout: 600_000, hookTimeout: 600_000 };

/** Vitest itself runs on this machine, its workers on the board. */
const onBoard = (board: string) => ({
  test: {
    name: board,
    include: NATIVE_TESTS,
    setupFiles: ["test/arm64/expect-board.ts"],
    pool: otherNode(here(`deploy/arm64/${board}/node`)),
    // Tests that compile something do it for the board.
    env: { SIGHTLINE_BOARD: board, SIGHTLINE_SHORT_TESTS: "1", CXX: "aarch64-linux-gnu-g++" },
    ...patience,
  },
});

/** What looks at a board from outside. */
const aboutBoards = {
  test: { name: "arm64", include: ["test/arm64/*.test.ts"], ...patience },
};

export default defineConfig({
  test: {
    // One test file a core: Vitest would leave a core of a two-core machine idle.
    maxWorkers: "100%",
    projects: [onBoard("pi4"), onBoard("pi5"), aboutBoards],
  },
});
