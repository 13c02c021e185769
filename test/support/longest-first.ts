import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Each takes a minute or more: begun last, one of them would be all that runs for as long. */
const LONGEST = [
  "test/bench/benches.test.ts",
  "test/e2e/addon-lifecycle.test.ts",
  "test/e2e/model-store-kill.test.ts",
  "test/e2e/daemon.test.ts",
  "test/e2e/camera-faults.test.ts",
  "test/e2e/mqtt-source.test.ts",
  "test/contract/session.test.ts",
  "test/arm64/daemon.test.ts",
];

/** The order in which Vitest begins files, which knows how long they took only on a machine that has run them before. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) =>
      LONGEST.some((path) => moduleId.endsWith(path)) ? 0 : 1;
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}
