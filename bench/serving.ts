import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bench, median, type Result, rate } from "./bench.ts";
import type { LoadResult } from "./load/open-loop.ts";
import { ask, daemon, plain, type Server } from "./serving/servers.ts";
import { type Served, servedModels } from "./serving/subjects.ts";

/** Of their own capacity. */
const LOAD = 0.8;
const CONNECTIONS = 8;
const SERVER_CORE = "0";
const CLIENT_CORE = "1";
const BOTH = "0,1";
const THROUGHPUT = { light: [1.5, 1.8], middle: [1, 1.8], heavy: [1, 1.8] } as const;
const P99 = { light: 0.5, middle: 0.9, heavy: 0.9 } as const;

type Weight = keyof typeof P99;

interface Measured {
  perSecond: number;
  cpuMsPer1000: number;
  p99Ms: number;
}

/** The daemon's inference API against fastify with onnxruntime-node: the same models, requests and client. */
export const serving: Bench = {
  name: "serving",
  async run({ quick }) {
    const [rounds, seconds] = quick ? [1, 1] : [3, 5];
    const folder = await mkdtemp(join(tmpdir(), "sightline-bench-"));
    try {
      const results: Result[] = [];
      for (const [weight, model] of Object.entries(await servedModels(folder))) {
        if (quick && weight !== "light") continue;
        results.push(...(await compared(weight as Weight, model, { folder, rounds, seconds })));
      }
      return results;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

interface Setting {
  folder: string;
  rounds: number;
  seconds: number;
}

async function compared(weight: Weight, model: Served, setting: Setting): Promise<Result[]> {
  const results: Result[] = [];
  for (const [i, cores] of [SERVER_CORE, BOTH].entries()) {
    const [ours, theirs] = await interleaved(model, cores, setting);
    const on = `${model.name}, ${i + 1} core${i === 0 ? "" : "s"}`;
    const of = (all: readonly Measured[], key: keyof Measured) => median(all.map((each) => each[key]));
    const both = (key: keyof Measured): [number, number] => [of(ours, key), of(theirs, key)];
    results.push(rate(`${on}: at saturation`, "runs/s", ...both("perSecond"), THROUGHPUT[weight][i] ?? 1));
    results.push(less(`${on}: CPU for 1,000 runs`, both("cpuMsPer1000"), 1));
    if (i === 0) results.push(less(`${on}: p99 at ${LOAD} of its capacity`, both("p99Ms"), P99[weight]));
  }
  return results;
}

/** Ours and theirs by turns. */
async function interleaved(
  model: Served,
  cores: string,
  setting: Setting,
): Promise<[Measured[], Measured[]]> {
  const made: [Measured[], Measured[]] = [[], []];
  for (let round = 0; round < setting.rounds; round++) {
    for (const [i, start] of [daemon, plain].entries()) {
      const server = await start(model, cores, setting.folder);
      try {
        made[i]?.push(await measured(server, model, { cores, round, seconds: setting.seconds }));
      } finally {
        await server.stop();
      }
    }
  }
  return made;
}

async function measured(
  server: Server,
  { input }: Served,
  { cores, round, seconds }: { cores: string; round: number; seconds: number },
): Promise<Measured> {
  const client = cores === BOTH ? BOTH : CLIENT_CORE;
  const args = [server.url, JSON.stringify(input)];
  const closed = (time: number) =>
    ask<{ perSecond: number; failed: number }>(client, [...args, "closed", `${CONNECTIONS}`, `${time}`]);
  await closed(seconds / 3);
  const cpuMs = await server.cpuMs();
  const { failed, perSecond } = await closed(seconds);
  if (failed > 0) throw new Error(`${failed} requests failed`);
  const cpuMsPer1000 = (1_000 * ((await server.cpuMs()) - cpuMs)) / (perSecond * seconds);
  if (cores === BOTH) return { perSecond, cpuMsPer1000, p99Ms: Number.NaN };
  const open = await ask<LoadResult>(client, [
    ...args,
    "open",
    `${LOAD * perSecond}`,
    `${seconds}`,
    `${round + 1}`,
  ]);
  if (open.failed > 0) throw new Error(`${open.failed} requests failed`);
  return { perSecond, cpuMsPer1000, p99Ms: open.p99Ms };
}

/** Of a cost, ours to theirs. */
function less(name: string, [ours, theirs]: [number, number], most: number): Result {
  const ratio = theirs / ours;
  return {
    case: name,
    unit: "ms",
    ours,
    theirs,
    ratio,
    goal: `≤ ${most}× of theirs`,
    ok: ours <= most * theirs,
  };
}
