import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bench, median, type Result, rate } from "./bench.ts";
import { type Figures, measured, type Setting } from "./serving/measure.ts";
import { daemon, fastapi, hasFastapi, plain } from "./serving/servers.ts";
import { type Served, servedModels } from "./serving/subjects.ts";

const CORES = { "1 core": { server: "0", client: "1" }, "2 cores": { server: "0,1", client: "0,1" } };
const THROUGHPUT = { light: [1.5, 1.8], middle: [1, 1.8], heavy: [1, 1.8] } as const;
/** At 0.8 of its own capacity; nowhere worse otherwise. */
const P99 = { light: 0.5, middle: 0.9, heavy: 0.9 } as const;

/** Said where only one of the peers can run. */
export const WITHOUT_FASTAPI = "without FastAPI, which this Python does not have";

type Weight = keyof typeof P99;

/** The daemon's inference API against what one writes first: the same models, requests, client and cores. */
export const serving: Bench = {
  name: "serving",
  async run({ quick }) {
    const peers = (await hasFastapi()) ? [plain, fastapi] : [plain];
    if (peers.length === 1) console.error(`serving: ${WITHOUT_FASTAPI}`);
    const folder = await mkdtemp(join(tmpdir(), "sightline-bench-"));
    const [rounds, seconds, loads] = quick ? [1, 0.5, [0.8]] : [3, 3, [0.3, 0.6, 0.8, 0.95]];
    try {
      const results: Result[] = [];
      for (const [weight, model] of Object.entries(await servedModels(folder))) {
        if (quick && weight !== "light") continue;
        for (const [i, [on, cores]] of Object.entries(CORES).entries()) {
          if (quick && i > 0) continue;
          const setting = { cores, folder, rounds, seconds, loads, servers: [daemon, ...peers] };
          results.push(...(await compared(weight as Weight, model, { on, i, setting })));
        }
      }
      return results;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function compared(
  weight: Weight,
  model: Served,
  { i, on, setting }: { on: string; i: number; setting: Setting },
): Promise<Result[]> {
  const [ours, ...theirs] = await measured(model, setting);
  if (!ours) throw new Error("nothing was measured");
  const name = (what: string) => `${model.name}, ${on}: ${what}`;
  const least = (of: (figures: Figures) => number) => Math.min(...theirs.map(of));
  const capacity = ({ perSecond }: Figures) => median(perSecond);
  const most = Math.max(...theirs.map(capacity));
  const results = [
    rate(name("at saturation"), "runs/s", capacity(ours), most, THROUGHPUT[weight][i] ?? 1),
    less(name("CPU for 1,000 runs"), [cpu(ours), least(cpu)]),
    less(name("memory"), [ours.pssMb, least(({ pssMb }) => pssMb)], "MB"),
  ];
  for (const [load, own] of Object.entries(ours.latency)) {
    for (const at of ["p50Ms", "p99Ms", "p999Ms"] as const) {
      const of = (figures: Figures) => median((figures.latency[load] ?? []).map((each) => each[at]));
      const goal = load === "0.8 of its capacity" && at === "p99Ms" ? P99[weight] : 1;
      const what = `${at.slice(0, -2).replace("p999", "p99.9")} at ${load}`;
      results.push(less(name(what), [median(own.map((each) => each[at])), least(of)], "ms", goal));
    }
  }
  return results;
}

const cpu = ({ cpuMsPer1000 }: Figures): number => median(cpuMsPer1000);

/** Of a cost, ours to the best of theirs. */
function less(name: string, [ours = 0, theirs = 0]: readonly number[], unit = "ms", most = 1): Result {
  const goal = `≤ ${most}× of theirs`;
  return { case: name, unit, ours, theirs, ratio: theirs / ours, goal, ok: ours <= most * theirs };
}
