import { type Kernels, openKernels } from "../runtime/native/index.ts";
import { type Bench, median, type Result } from "./bench.ts";
import type { KernelCase } from "./kernels/case.ts";
import { decodeCases } from "./kernels/decode.ts";
import { preprocessCases } from "./kernels/preprocess.ts";
import { vectorCases } from "./kernels/vectors.ts";

const CASES: readonly KernelCase[] = [...preprocessCases, ...decodeCases, ...vectorCases];

/** Goals, as how many times faster than each peer. */
const GOALS = { generic: 3, javascript: 1, sharp: 8 } as const;

/** Each kernel against its plain C++ twin, a JavaScript loop, and sharp where sharp can do some of it. */
export const kernels: Bench = {
  name: "kernels",
  async run({ quick }) {
    const [best, generic] = [openKernels(), openKernels([])];
    const results: Result[] = [];
    for (const c of CASES) results.push(...(await compare(c, best, generic, quick ? 2 : 15)));
    return results;
  },
};

/** Long enough for the caches to be as they are when only this work is done. */
const TURN_MS = 20;

type Work = () => unknown;

async function compare(c: KernelCase, best: Kernels, generic: Kernels, rounds: number): Promise<Result[]> {
  const peers: Record<string, Work> = { javascript: c.javascript() };
  // Where no variant is better than the twin there is nothing to compare.
  if (best.chosen()[c.kernel] !== "generic") peers.generic = c.ours(generic);
  if (c.sharp) peers.sharp = c.sharp();
  const times = await interleaved({ ours: c.ours(best), ...peers }, rounds);
  const ours = times.ours ?? Number.NaN;
  const name = `${c.kernel} ${c.name}`;
  const results = Object.keys(peers).map((peer) =>
    faster(`${name}, ${peer}`, ours, times[peer], goalFor(c, peer)),
  );
  if (c.limitMs !== undefined) results.push(limit(name, ours, c.limitMs));
  return results;
}

/** The goal against sharp is for pixels that sharp can read as they are. */
function goalFor(c: KernelCase, peer: string): number {
  if (peer === "sharp" && !c.name.includes("rgb24")) return 1;
  if (peer === "generic" && c.twinGoal !== undefined) return c.twinGoal;
  return GOALS[peer as keyof typeof GOALS];
}

/** Medians in milliseconds: a round is a turn for each, of as many calls as fill it. */
async function interleaved(works: Record<string, Work>, rounds: number): Promise<Record<string, number>> {
  const times: Record<string, number[]> = {};
  const calls: Record<string, number> = {};
  for (const [name, work] of Object.entries(works)) {
    times[name] = [];
    await timed(work, 2);
    calls[name] = Math.max(1, Math.ceil(TURN_MS / (await timed(work, 1))));
  }
  for (let round = 0; round < rounds; round++) {
    for (const [name, work] of Object.entries(works)) {
      times[name]?.push(await timed(work, calls[name] ?? 1));
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
}

/** Milliseconds a call. */
async function timed(work: Work, calls: number): Promise<number> {
  const startMs = performance.now();
  for (let i = 0; i < calls; i++) {
    const pending = work();
    if (pending instanceof Promise) await pending;
  }
  return (performance.now() - startMs) / calls;
}

function faster(name: string, ours: number, theirs = Number.NaN, goal: number): Result {
  const ratio = theirs / ours;
  return { case: name, unit: "ms", ours, theirs, ratio, goal: `≥ ${goal}×`, ok: ratio >= goal };
}

const limit = (name: string, ours: number, most: number): Result => ({
  case: name,
  unit: "ms",
  ours,
  theirs: null,
  ratio: null,
  goal: `≤ ${most} ms`,
  ok: ours <= most,
});
