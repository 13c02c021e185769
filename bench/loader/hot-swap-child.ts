// Frames at a steady pace, first undisturbed, then while two versions of the model take each other's place.
//   node hot-swap-child.ts FOLDER SWAPS

import { renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { backbone, head, writeBundle } from "../../test/support/small-bundles.ts";
import { answer } from "./children.ts";
import { bitsOf, openManager, POLICY, picture } from "./manager.ts";

const [folder = "", swaps = "20"] = process.argv.slice(2);
const PERIOD_MS = 25;
const SLOTS = 2;

const link = join(folder, "current");
const feeds = picture();
for (const [i, version] of ["1.0.0", "2.0.0"].entries()) {
  await writeBundle(join(folder, version), version, [backbone(30 * i), head(30 * i + 5)]);
}
symlinkSync("1.0.0", link);
const { close, manager } = await openManager(
  { model: { ...POLICY, bundle: link } },
  { budgetBytes: 2 ** 40, cacheFolder: join(folder, "cache"), slots: SLOTS },
);

function goOver(version: string): Promise<unknown> {
  rmSync(`${link}.next`, { force: true });
  symlinkSync(version, `${link}.next`);
  renameSync(`${link}.next`, link);
  return manager.activate("model");
}

/** What a frame without a result counts in the latencies. */
const NEVER_MS = 60_000;

/** What each version makes of the picture. */
const expected = new Map<string, string>();
let [frames, dropped, mixed] = [0, 0, 0];

async function frame(times: number[]): Promise<void> {
  const begun = performance.now();
  try {
    const lease = await manager.lease(["model"]);
    const { bundle, session } = lease.of("model");
    const bits = bitsOf(await session.run(frames++ % SLOTS, feeds));
    const { version } = bundle.manifest;
    if ((expected.get(version) ?? bits) !== bits) mixed++;
    expected.set(version, bits);
    lease.release();
    times.push(performance.now() - begun);
  } catch {
    dropped++;
    times.push(NEVER_MS);
  }
}

/** Frames at their pace until `work` is done. */
async function paced(work: Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  const under: Promise<void>[] = [];
  const timer = setInterval(() => under.push(frame(times)), PERIOD_MS);
  await work;
  clearInterval(timer);
  await Promise.all(under);
  return times.sort((a, b) => a - b);
}

for (const version of ["2.0.0", "1.0.0"]) await paced(goOver(version).then(() => sleep(200)));
const calmMs = await paced(sleep(Number(swaps) * PERIOD_MS));
const loop = monitorEventLoopDelay({ resolution: 1 });
loop.enable();
const swapping = async () => {
  for (let i = 0; i < Number(swaps); i++) {
    await goOver(i % 2 === 0 ? "2.0.0" : "1.0.0");
    await sleep(PERIOD_MS);
  }
};
const busyMs = await paced(swapping());
loop.disable();
const p99 = (sorted: readonly number[]) => sorted[Math.floor(sorted.length * 0.99)];
answer({
  frames,
  dropped,
  mixed,
  versions: expected.size,
  calmP99Ms: p99(calmMs),
  busyP99Ms: p99(busyMs),
  loopP99Ms: loop.percentile(99) / 1e6,
});
await close();
