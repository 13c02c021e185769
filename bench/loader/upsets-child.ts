// Gives up loads and runs, and takes models away while they open and run; then looks at what is left behind.
//   node upsets-child.ts FOLDER COUNT

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { encodeModel } from "../../models/onnx/write-model.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import { CpuExecutionProvider } from "../../runtime/session/cpu-provider.ts";
import { backbone, head, joined, randomFrom, writeBundle } from "../../test/support/small-bundles.ts";
import { answer } from "./children.ts";
import { bitsOf, openManager, POLICY, picture } from "./manager.ts";

const [folder = "", count = "50"] = process.argv.slice(2);
const random = randomFrom(11);
const feeds = picture();

/** From at once to about the end of what it upsets. */
const later = (limitMs: number) => new Promise<void>((resolve) => setTimeout(resolve, random() * limitMs));
const left = () => ({
  fds: readdirSync("/proc/self/fd").length,
  threads: readdirSync("/proc/self/task").length,
});

const loop = monitorEventLoopDelay({ resolution: 1 });
loop.enable();
const untyped: string[] = [];
const note = (error: unknown) => {
  if (!(error instanceof SightlineError)) untyped.push(String(error));
};

async function cancels(times: number) {
  const provider = new CpuExecutionProvider({ slots: 2, intraOpThreads: 1 });
  provider.start();
  const model = encodeModel(joined([backbone(1), head(2)], ["y"]));
  const session = await provider.load(model);
  const expected = bitsOf(await session.run(0, feeds));
  const before = provider.memory();
  const made = { loads: 0, runs: 0, wrong: 0 };
  for (let i = 0; i < times; i++) {
    const giveUp = new AbortController();
    const { signal } = giveUp;
    const loading = provider.load(model, { signal }).then((other) => other.unload());
    const running = session.run(i % 2, feeds, { signal }).then((out) => {
      if (bitsOf(out) !== expected) made.wrong++;
    });
    const ended = Promise.allSettled([loading, running]);
    await later(8);
    giveUp.abort();
    for (const [i, work] of (await ended).entries()) {
      if (work.status === "fulfilled") continue;
      note(work.reason);
      made[i === 0 ? "loads" : "runs"]++;
    }
  }
  if (bitsOf(await session.run(0, feeds)) !== expected) made.wrong++;
  const kept = provider.memory().weightsBytes - before.weightsBytes;
  await provider.close();
  return { ...made, kept };
}

async function unloads(times: number) {
  const bundle = await writeBundle(join(folder, "model"), "1.0.0", [backbone(3), head(4)]);
  const { close, manager } = await openManager(
    { model: { ...POLICY, bundle } },
    { budgetBytes: 2 ** 40, cacheFolder: join(folder, "cache"), slots: 2 },
  );
  let expected = "";
  let [lost, wrong] = [0, 0];
  const frame = async (slot: number) => {
    try {
      const lease = await manager.lease(["model"]);
      const bits = bitsOf(await lease.of("model").session.run(slot, feeds));
      expected ||= bits;
      if (bits !== expected) wrong++;
      lease.release();
    } catch (error) {
      note(error);
      lost++;
    }
  };
  await frame(0);
  // It opens the model each time, since it was taken away: some are met while it opens, others while it runs.
  for (let i = 0; i < 2 * times; i++) {
    const frames = [frame(0), frame(1)];
    await later(12);
    await manager.unload("model");
    await Promise.all(frames);
  }
  const [{ loads = 0 } = {}] = manager.status();
  await close();
  return { loads, lost, wrong };
}

// A process has all of its threads once it has done everything.
await cancels(1);
await unloads(1);
const before = left();
const cancelled = await cancels(Number(count));
const unloaded = await unloads(Number(count));
const after = left();
answer({
  loadsCancelled: cancelled.loads,
  runsCancelled: cancelled.runs,
  keptBytes: cancelled.kept,
  wrong: cancelled.wrong + unloaded.wrong,
  lost: unloaded.lost,
  opened: unloaded.loads,
  untyped: untyped.length,
  moreFds: after.fds - before.fds,
  moreThreads: after.threads - before.threads,
  loopP99Ms: loop.percentile(99) / 1e6,
});
