// Takes frames through a pipeline with a model that computes nothing, and runs of the same model alone.
//   node frames-child.ts FOLDER FRAMES

import { GCProfiler } from "node:v8";
import { systemClock as clock } from "../../runtime/base/clock.ts";
import { openKernels } from "../../runtime/native/index.ts";
import { soleAdmission } from "../../runtime/pipeline/admission.ts";
import type { Frame } from "../../runtime/pipeline/frame.ts";
import { openModel } from "../../runtime/pipeline/open-model.ts";
import { Pipeline } from "../../runtime/pipeline/pipeline.ts";
import { buildStages } from "../../runtime/pipeline/stages/build-stages.ts";
import { CpuExecutionProvider } from "../../runtime/session/cpu-provider.ts";
import { queueOver } from "../../test/support/frame-queues.ts";
import { RecordingLogger } from "../../test/support/recording-logger.ts";
import { answer } from "../loader/children.ts";
import { INPUT, SIDE } from "./noop-bundle.ts";

const SLOTS = 2;
const [folder = "", count = "1"] = process.argv.slice(2);
const frames = Number(count);
const provider = new CpuExecutionProvider({ slots: SLOTS, intraOpThreads: 1 });
provider.start();
const kernels = openKernels();
const options = { folder, runLimitMs: 1_000, inFlight: SLOTS + 2 };
const { close, model } = await openModel({ provider, kernels, clock }, options);

const picture: Frame["picture"] = {
  encoding: "raw",
  format: "gray8",
  width: SIDE,
  height: SIDE,
  planes: [{ offset: 0, stride: SIDE }],
  bytes: new Uint8Array(SIDE * SIDE),
};

async function* camera(howMany: number): AsyncGenerator<Frame> {
  for (let id = 1; id <= howMany; id++) {
    const [capturedAtNs, capturedAtMs] = [clock.nowNs(), clock.wallMs()];
    const known = { id, camera: "bench", origin: undefined, lost: undefined, dropsBefore: 0 };
    yield { ...known, capturedAtNs, capturedAtMs, picture, release: () => {} };
  }
}

/** Settles when as many frames have a verdict. */
async function judged(howMany: number): Promise<void> {
  const around = { kernels, clock, runsPerFrame: 1, scale: {}, minScore: 0.5, folder: undefined };
  const stages = await buildStages(
    [
      { stage: "detect", model: "noop" },
      { stage: "rules", rules: [{ verdict: "fail" }] },
    ],
    around,
  );
  let verdicts = 0;
  const record = async (results: readonly unknown[]) => {
    verdicts += results.length;
  };
  const logger = new RecordingLogger();
  const admit = async () => soleAdmission(model);
  const pipeline = new Pipeline(
    { frames: queueOver(camera(howMany)), admit, stages, record, clock, logger },
    { name: "bench", inFlight: options.inFlight },
  );
  await pipeline.run();
  if (verdicts !== howMany) throw new Error(`${verdicts} verdicts of ${howMany} frames`);
}

/** The model alone, as the pipeline runs it. */
async function runs(howMany: number): Promise<void> {
  const session = await provider.load(await modelFile());
  const feeds = { [INPUT.name]: { ...INPUT, data: new Float32Array(SIDE * SIDE) } };
  const outputs = {
    y: { dtype: "float32" as const, dims: [1, SIDE * SIDE], data: new Float32Array(SIDE * SIDE) },
  };
  const lane = async (slot: number) => {
    for (let i = 0; i < howMany / SLOTS; i++) await session.run(slot, feeds, { outputs });
  };
  await Promise.all(Array.from({ length: SLOTS }, (_, slot) => lane(slot)));
  await session.unload();
}

async function modelFile(): Promise<string> {
  const { openBundle } = await import("../../models/bundle/bundle.ts");
  return (await openBundle(folder)).stages[0]?.path ?? "";
}

/** Of all threads of this process. */
async function cpuMsOf(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { system, user } = process.cpuUsage(before);
  return (system + user) / 1_000;
}

await judged(Math.ceil(frames / 10));
await runs(Math.ceil(frames / 10));
const profiler = new GCProfiler();
profiler.start();
const pipelineMs = await cpuMsOf(() => judged(frames));
const collected = profiler.stop()?.statistics ?? [];
const modelMs = await cpuMsOf(() => runs(frames));
const used = (heap: { heapStatistics: { usedHeapSize: number } }) => heap.heapStatistics.usedHeapSize;
const allocated = collected.map((each, i) => {
  const before = collected[i - 1];
  return before ? Math.max(0, used(each.beforeGC) - used(before.afterGC)) : 0;
});
answer({
  cpuMs: (pipelineMs - modelMs) / frames,
  modelCpuMs: modelMs / frames,
  allocatedBytes: allocated.reduce((sum, bytes) => sum + bytes, 0) / frames,
  pausesMs: collected.map(({ cost }) => cost / 1_000),
});
await close();
await provider.close();
