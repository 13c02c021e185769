import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cost, median, type Result } from "../bench.ts";
import { flag, share } from "./big.ts";
import { runChild } from "./children.ts";

interface Swaps {
  frames: number;
  wrong: number;
  lost: number;
  rss: number[];
  moreFds: number;
  moreThreads: number;
  openMs: number[];
  loopP99Ms: number;
}

interface HotSwaps {
  dropped: number;
  mixed: number;
  versions: number;
  calmP99Ms: number;
  busyP99Ms: number;
  loopP99Ms: number;
}

interface Heads {
  runMs: number;
  residentBytes: number;
}

const MODELS = 9;
const LOOP_MS = 10;
/** From the first to the last of the samples. */
const GROWTH = 0.01;
const SWAP_SLOWER = 1.2;
const HEADS = { memory: 1.15, time: 1.2 };

/** Many models by turns in a third of the memory that they need, and three heads on one backbone. */
export async function manyModels(swaps: number, runs: number, rounds: number): Promise<Result[]> {
  const folder = await mkdtemp(join(tmpdir(), "sightline-bench-"));
  try {
    const results: Result[] = [];
    for (const pattern of ["uniform", "skewed"]) {
      const args = [join(folder, pattern), `${MODELS}`, `${swaps}`, pattern];
      results.push(
        ...swapRows(pattern, swaps, await runChild<Swaps>("swaps-child.ts", args, ["--expose-gc"])),
      );
    }
    results.push(...(await hotSwaps(folder, swaps)));
    return [...results, ...(await heads(folder, runs, rounds))];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function swapRows(pattern: string, swaps: number, made: Swaps): Result[] {
  const name = `${swaps} swaps, ${pattern}`;
  const sorted = made.openMs.toSorted((a, b) => a - b);
  const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
  const third = Math.max(1, Math.floor(made.rss.length / 3));
  const growth = median(made.rss.slice(-third)) / median(made.rss.slice(0, third));
  const { lost, moreFds, moreThreads, wrong } = made;
  const isClean = lost === 0 && wrong === 0 && moreFds <= 0 && moreThreads <= 0;
  if (!isClean) console.error(`${name}: ${JSON.stringify({ lost, moreFds, moreThreads, wrong })}`);
  return [
    flag(`${name}: no frame lost or wrong, no descriptors, no threads`, isClean),
    cost(`${name}: resident memory after collecting garbage, last third to first`, "×", growth, 1 + GROWTH),
    cost(`${name}: p99 of opening`, "ms", p99, 100),
    cost(`${name}: p99 of the event loop's delay`, "ms", made.loopP99Ms, LOOP_MS),
  ];
}

async function hotSwaps(folder: string, swaps: number): Promise<Result[]> {
  const made = await runChild<HotSwaps>("hot-swap-child.ts", [join(folder, "hot"), `${swaps}`]);
  const name = `${swaps} changes of version under load`;
  const isClean = made.dropped === 0 && made.mixed === 0 && made.versions === 2;
  return [
    flag(`${name}: no frame dropped, none of mixed versions`, isClean),
    share(`${name}: p99 latency, with them and without`, "ms", [made.busyP99Ms, made.calmP99Ms], SWAP_SLOWER),
    cost(`${name}: p99 of the event loop's delay`, "ms", made.loopP99Ms, LOOP_MS),
  ];
}

async function heads(folder: string, runs: number, rounds: number): Promise<Result[]> {
  const made: Record<"shared" | "single", Heads[]> = { shared: [], single: [] };
  for (let i = 0; i < rounds; i++) {
    for (const way of ["shared", "single"] as const) {
      made[way].push(await runChild<Heads>("heads-child.ts", [join(folder, "heads"), way, `${runs}`]));
    }
  }
  const of = (key: keyof Heads): [number, number] => [
    median(made.shared.map((each) => each[key])),
    median(made.single.map((each) => each[key])),
  ];
  const [ours, theirs] = of("residentBytes");
  const name = "three models on one backbone, against one with three outputs";
  return [
    share(`${name}: memory`, "MB", [ours / 1e6, theirs / 1e6], HEADS.memory),
    share(`${name}: time`, "ms", of("runMs"), HEADS.time),
  ];
}
