// Uses models by turns that have three times the memory that they may have, and says whether anything grows.
//   node --expose-gc swaps-child.ts FOLDER MODELS SWAPS uniform|skewed

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";
import { backbone, head, randomFrom, writeBundle } from "../../test/support/small-bundles.ts";
import { answer } from "./children.ts";
import { bitsOf, openManager, POLICY, picture } from "./manager.ts";
import { readMemory } from "./memory.ts";

const [folder = "", count = "9", swaps = "100", pattern = "uniform"] = process.argv.slice(2);
const SEED = 6;
/** Samples of memory; the first ones are those of a process that warms up. */
const SAMPLES = 50;
const SETTLE_MS = 5_000;

const names = Array.from({ length: Number(count) }, (_, i) => `m${i}`);
const models: Parameters<typeof openManager>[0] = {};
for (const [i, name] of names.entries()) {
  const bundle = await writeBundle(join(folder, name), "1.0.0", [backbone(10 * i), head(10 * i + 5)]);
  models[name] = { ...POLICY, bundle };
}
const cacheFolder = join(folder, "cache");
const sizing = await openManager(models, { budgetBytes: 2 ** 40, cacheFolder, slots: 2 });
const feeds = picture();
const expected = new Map<string, string>();
for (const name of names) {
  const lease = await sizing.manager.lease([name]);
  expected.set(name, bitsOf(await lease.of(name).session.run(0, feeds)));
  lease.release();
}
const totalBytes = sizing.manager.memory().resident_bytes;
await sizing.close();

const { close, manager } = await openManager(models, { budgetBytes: totalBytes / 3, cacheFolder, slots: 2 });
const random = randomFrom(SEED);
/** Zipf's law: the k-th model is used 1/k as often as the first. */
const weights = names.map((_, i) => (pattern === "skewed" ? 1 / (i + 1) : 1));
const sum = weights.reduce((total, weight) => total + weight, 0);
function next(): string {
  let left = random() * sum;
  const at = weights.findIndex((weight) => {
    left -= weight;
    return left < 0;
  });
  return names[at] ?? "m0";
}

const opens = (): number => manager.status().reduce((total, { loads }) => total + loads, 0);
const counts = () => ({
  fds: readdirSync("/proc/self/fd").length,
  threads: readdirSync("/proc/self/task").length,
});
/** A file that is being read as we look is open for a moment; what leaks stays open. */
async function settled(most: ReturnType<typeof counts>): Promise<ReturnType<typeof counts>> {
  const untilMs = performance.now() + SETTLE_MS;
  let now = counts();
  while ((now.fds > most.fds || now.threads > most.threads) && performance.now() < untilMs) {
    await wait(10);
    now = counts();
  }
  return now;
}
const loop = monitorEventLoopDelay({ resolution: 1 });
const openMs: number[] = [];
const rss: number[] = [];
let [frames, wrong, lost] = [0, 0, 0];
let before = counts();
loop.enable();
while (opens() < Number(swaps)) {
  const name = next();
  const had = opens();
  const begun = performance.now();
  try {
    const lease = await manager.lease([name]);
    if (opens() > had) openMs.push(performance.now() - begun);
    if (bitsOf(await lease.of(name).session.run(frames % 2, feeds)) !== expected.get(name)) wrong++;
    lease.release();
  } catch {
    lost++;
  }
  frames++;
  if (rss.length < Math.floor((opens() / Number(swaps)) * SAMPLES)) {
    // Twice, as what the first frees may hold more. Without it samples waver by a twentieth with V8's own times.
    for (let i = 0; i < 2; i++) globalThis.gc?.();
    rss.push(readMemory().rssBytes);
    if (rss.length === SAMPLES / 5) before = counts();
  }
}
loop.disable();
const after = await settled(before);
answer({
  frames,
  wrong,
  lost,
  rss: rss.slice(SAMPLES / 5),
  budgetBytes: totalBytes / 3,
  residentBytes: manager.memory().resident_bytes,
  moreFds: after.fds - before.fds,
  moreThreads: after.threads - before.threads,
  openMs,
  loopP99Ms: loop.percentile(99) / 1e6,
});
await close();
