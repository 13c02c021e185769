import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bench, median, type Result } from "./bench.ts";
import { runChild } from "./loader/children.ts";
import { writeNoopBundle } from "./overhead/noop-bundle.ts";

interface Figures {
  /** A frame, without what the model's run takes. */
  cpuMs: number;
  modelCpuMs: number;
  allocatedBytes: number;
  pausesMs: number[];
}

/** What Sightline itself takes of a frame, from the queue to its verdict: with a model that computes nothing. */
export const overhead: Bench = {
  name: "overhead",
  async run({ quick }) {
    const [rounds, frames] = quick ? [1, 5_000] : [5, 100_000];
    const folder = await mkdtemp(join(tmpdir(), "sightline-bench-"));
    try {
      await writeNoopBundle(folder);
      const made: Figures[] = [];
      for (let round = 0; round < rounds; round++) {
        const args = [folder, `${frames}`];
        made.push(await runChild<Figures>("../overhead/frames-child.ts", args));
      }
      const of = (key: "cpuMs" | "modelCpuMs" | "allocatedBytes") => median(made.map((each) => each[key]));
      const pauses = made.flatMap(({ pausesMs }) => pausesMs).toSorted((a, b) => a - b);
      const p99 = pauses[Math.floor(0.99 * (pauses.length - 1))] ?? 0;
      return [
        // DeepStream adds 0.13 to 0.16 ms to a frame: its 124 frames/s against trtexec's 126, 145 against 162.
        within("CPU from the queue to the verdict, without the model's run", "ms/frame", of("cpuMs"), 0.15),
        within("JavaScript memory allocated", "kB/frame", of("allocatedBytes") / 1_000, 8),
        within("pauses of the garbage collector, p99", "ms", p99, 2),
      ].map((row) => ({ ...row, case: `${frames} frames: ${row.case}` }));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

const within = (name: string, unit: string, ours: number, most: number): Result => ({
  ...{ case: name, unit, ours, theirs: null, ratio: null },
  goal: `≤ ${most} ${unit}`,
  ok: ours <= most,
});
