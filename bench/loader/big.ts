import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cost, median, type Result } from "../bench.ts";
import { type BigFiles, type BigModel, bigInput, writeBig } from "./big-stage.ts";
import { runChild } from "./children.ts";
import { openPool } from "./pool.ts";

const MB = 1e6;
/** Of anonymous memory, ours to the plain way's. */
const MEMORY_SHARE = { chain: 0.1, resnet50: 0.2 } as const;
const OPEN_SHARE = 0.15;
const WARM_RATIO = 1.05;
const STREAM_RATIO = 1.15;
const SPARE_BYTES = 32 * 2 ** 20;

interface Opened {
  openCpuMs: number;
  anonymousBytes: number;
  runMs: number;
}

interface Compared {
  warmToPlain: number;
  streamingToWarm: number;
  warmMs: number;
  plainMs: number;
  streamingMs: number;
  isStreamingExact: boolean;
  isPlainExact: boolean;
}

/** Big models opened, run and streamed, against onnxruntime-node with the same model in one file. */
export async function bigModels(names: readonly BigModel[], rounds: number, runs: number): Promise<Result[]> {
  const folder = await mkdtemp(join(tmpdir(), "sightline-bench-"));
  try {
    const results: Result[] = [];
    for (const name of names) {
      const files = await writeBig(name, join(folder, name));
      const cache = join(folder, `${name}-cache`);
      await prepare(name, files, cache);
      const given = [name, JSON.stringify(files.stage), files.plain, cache, String(runs)];
      results.push(...(await opened(name, given, rounds)), ...(await warm(name, given)));
      if (name === "resnet50") results.push(...(await underBudget(files, given)));
    }
    return results;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function prepare(name: BigModel, { stage }: BigFiles, cache: string): Promise<void> {
  const { pool, provider } = openPool(cache);
  await pool.prepare(stage, { feeds: async () => bigInput(name), label: name });
  await provider.close();
}

async function opened(name: BigModel, given: readonly string[], rounds: number): Promise<Result[]> {
  const ours: Opened[] = [];
  const theirs: Opened[] = [];
  for (let i = 0; i < rounds; i++) {
    ours.push(await runChild<Opened>("open-child.ts", ["ours", ...given]));
    theirs.push(await runChild<Opened>("open-child.ts", ["plain", ...given]));
  }
  const of = (all: readonly Opened[], key: keyof Opened) => median(all.map((each) => each[key]));
  return [
    share(`${name}: CPU time to open`, "ms", [of(ours, "openCpuMs"), of(theirs, "openCpuMs")], OPEN_SHARE),
    share(
      `${name}: anonymous memory`,
      "MB",
      [of(ours, "anonymousBytes") / MB, of(theirs, "anonymousBytes") / MB],
      MEMORY_SHARE[name],
    ),
  ];
}

async function warm(name: BigModel, given: readonly string[]): Promise<Result[]> {
  const { streamingMs, streamingToWarm, warmMs, warmToPlain, plainMs, ...exact } = await runChild<Compared>(
    "warm-child.ts",
    given,
  );
  return [
    paired(`${name}: warm run`, [warmMs, plainMs], warmToPlain, WARM_RATIO),
    flag(`${name}: streaming gives what warm gives, bit for bit`, exact.isStreamingExact),
    // A chain of matrices for one row is all weights and next to no work: there is nothing to hide their way behind.
    ...(name === "resnet50"
      ? [
          paired(`${name}: streaming run against warm`, [streamingMs, warmMs], streamingToWarm, STREAM_RATIO),
          flag(`${name}: and what the plain way gives`, exact.isPlainExact),
        ]
      : []),
  ];
}

async function underBudget({ stage }: BigFiles, given: readonly string[]): Promise<Result[]> {
  const budgetBytes = (stage.weights?.bytes ?? 0) / 4;
  const limit = String(budgetBytes + SPARE_BYTES);
  const free = await runChild<{ peakBytes: number; digest: string }>("budget-child.ts", [
    "ours",
    ...given,
    "0",
  ]);
  const ours = await runChild<{ digest?: string }>("budget-child.ts", ["ours", ...given, limit]);
  const theirs = await runChild<{ error?: string }>("budget-child.ts", ["plain", ...given, limit]).catch(
    (error) => ({ error: String(error) }),
  );
  const name = "resnet50 in a quarter of its weights";
  return [
    cost(
      `${name}: peak over the process without it`,
      "MB",
      free.peakBytes / MB,
      (budgetBytes + SPARE_BYTES) / MB,
    ),
    flag(`${name}: runs where RLIMIT_DATA allows no more, with the same result`, ours.digest === free.digest),
    flag(`${name}: where the plain way fails`, theirs.error !== undefined),
  ];
}

/** A cost that may be a share of theirs at most. */
export function share(name: string, unit: string, [ours, theirs]: [number, number], most: number): Result {
  const ratio = theirs / ours;
  const goal = `≥ ${(1 / most).toFixed(2)}× (≤ ${most}× of theirs)`;
  return { case: name, unit, ours, theirs, ratio, goal, ok: ours <= most * theirs };
}

/** Times whose ratio was taken run by run. */
function paired(name: string, [ours, theirs]: [number, number], times: number, most: number): Result {
  const goal = `≥ ${(1 / most).toFixed(2)}× (≤ ${most}× of theirs)`;
  return { case: name, unit: "ms", ours, theirs, ratio: 1 / times, goal, ok: times <= most };
}

/** 1 when it is so, and 0 when not. */
export const flag = (name: string, isSo: boolean): Result => ({
  case: name,
  unit: "of 1",
  ours: isSo ? 1 : 0,
  theirs: null,
  ratio: null,
  goal: "≥ 1",
  ok: isSo,
});
