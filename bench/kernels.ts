import type { BenchCase } from "../runtime/arm-neon/kernels/bench-case.ts";
import { type Kernels, openKernels } from "../runtime/native/index.ts";
import { type Bench, cost, median, type Result } from "./bench.ts";
import { CASES } from "./kernels/cases.ts";
import { hasOpencv, OpenCv, WITHOUT_OPENCV } from "./kernels/opencv.ts";
import { sharpPeer } from "./kernels/sharp.ts";

const TWIN = "plain C++ without vectorisation";

/**
 * Goals, as how many times faster than each peer. None was measured: they say what eight lanes of SIMD, and a library
 * that is left out, should at least be worth.
 */
const GOALS: Readonly<Record<string, number>> = {
  [TWIN]: 3,
  javascript: 1,
  "fast javascript": 1,
  sharp: 8,
  opencv: 1,
};
const HOP_MS = 0.1;

/**
 * Each kernel against its generic twin, two loops in JavaScript, and libraries that can do some of it. Calls of ours follow
 * one another, each awaited, so that the way to a thread of libuv's and back is in the time, as it is in sharp's; the first
 * row says what it takes. JavaScript and OpenCV work where they are called. Ours and the twin use one thread, sharp and
 * OpenCV as many as they take by themselves.
 */
export const kernels: Bench = {
  name: "kernels",
  async run({ opencv, quick }) {
    const [best, generic] = [openKernels(), openKernels([])];
    const cv = opencv ? await openOpencv() : undefined;
    const rounds = quick ? 2 : 15;
    try {
      const results: Result[] = [await hop(best, rounds)];
      for (const c of CASES) results.push(...(await compare(c, { best, generic, cv }, rounds)));
      return results;
    } finally {
      await cv?.close();
    }
  },
};

async function openOpencv(): Promise<OpenCv | undefined> {
  if (await hasOpencv()) return OpenCv.open();
  console.error(`kernels: ${WITHOUT_OPENCV}`);
  return undefined;
}

/** Long enough for the caches to be as they are when only this work is done. */
const TURN_MS = 20;

/** Milliseconds of a call, of so many. */
type Turn = (calls: number) => Promise<number>;

async function hop(best: Kernels, rounds: number): Promise<Result> {
  const [none, halves] = [new Float32Array(), new Uint16Array()];
  const { ours = Number.NaN } = await interleaved({ ours: turn(() => best.toFloat16(none, halves)) }, rounds);
  return cost("a call that has nothing to do", "ms", ours, HOP_MS);
}

async function compare(
  c: BenchCase,
  { best, cv, generic }: { best: Kernels; generic: Kernels; cv: OpenCv | undefined },
  rounds: number,
): Promise<Result[]> {
  const peers: Record<string, Turn> = {
    javascript: turn(c.javascript()),
    "fast javascript": turn(c.fastJavascript()),
  };
  // Where no variant is better than the twin there is nothing to compare.
  if (best.chosen()[c.kernel] !== "generic") peers[TWIN] = turn(c.ours(generic));
  if (c.picture) peers.sharp = turn(sharpPeer(c.picture));
  if (cv && (await cv.take(c))) peers.opencv = (calls) => cv.ms(calls);
  const times = await interleaved({ ours: turn(c.ours(best)), ...peers }, rounds);
  const ours = times.ours ?? Number.NaN;
  const name = `${c.kernel} ${c.name}`;
  const results = Object.keys(peers).map((peer) =>
    faster(`${name}, ${peer}`, ours, times[peer], goalFor(c, peer)),
  );
  if (c.limitMs !== undefined) results.push(limit(name, ours, c.limitMs));
  return results;
}

/** The goal against sharp is for pixels that sharp can read as they are. */
function goalFor(c: BenchCase, peer: string): number {
  if (peer === "sharp" && c.picture?.format !== "rgb24") return 1;
  if (peer === TWIN && c.twinGoal !== undefined) return c.twinGoal;
  return GOALS[peer] ?? 1;
}

/** Medians in milliseconds: a round is a turn for each, of as many calls as fill it. */
async function interleaved(turns: Record<string, Turn>, rounds: number): Promise<Record<string, number>> {
  const times: Record<string, number[]> = {};
  const calls: Record<string, number> = {};
  for (const [name, take] of Object.entries(turns)) {
    times[name] = [];
    await take(2);
    calls[name] = Math.max(1, Math.ceil(TURN_MS / (await take(1))));
  }
  for (let round = 0; round < rounds; round++) {
    for (const [name, take] of Object.entries(turns)) times[name]?.push(await take(calls[name] ?? 1));
  }
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
}

function turn(work: () => unknown): Turn {
  return async (calls) => {
    const startMs = performance.now();
    for (let i = 0; i < calls; i++) {
      const pending = work();
      if (pending instanceof Promise) await pending;
    }
    return (performance.now() - startMs) / calls;
  };
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
