/**
 * Ends while the addon works, in the way that its argument names. Prints `busy` and the number of native blocks
 * left, so that the parent knows that it got as far.
 */
import { once } from "node:events";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { allocate, memoryUse, openKernels } from "../../../runtime/native/index.ts";
import { MODELS, randomFeeds, startProvider } from "../models.ts";
import { layOut } from "../raw-images.ts";

type Work = "load" | "run" | "kernel";

/** Returns with work under way that takes tens of milliseconds. */
async function becomeBusy(work: Work): Promise<void> {
  if (work === "kernel") return resizeMuch();
  const provider = startProvider(2);
  if (work === "load") {
    for (let i = 0; i < 4; i++) void provider.load(MODELS.mobilenetV2);
    return;
  }
  const session = await provider.load(MODELS.mobilenetV1);
  const feeds = randomFeeds(session.inputs, 1, 16);
  for (const tensor of Object.values(feeds)) {
    // In memory that goes with the environment: the run must end before it does.
    const data = new Float32Array(allocate(tensor.data.byteLength).buffer);
    data.set(tensor.data as Float32Array);
    tensor.data = data;
  }
  for (let i = 0; i < 6; i++) void session.run(i % 2, feeds);
}

/** In memory that goes with the environment, and little of it: a heap under pressure may hang Node (nodejs/node#54918). */
function resizeMuch(): void {
  const kernels = openKernels([]);
  const [width, height, side] = [1920, 1080, 640];
  const { bytes, source } = layOut("rgb24", width, height);
  const place = { left: 0, top: 0, width: side, height: side };
  const target = { layout: "NCHW", color: "rgb", width: side, height: side, place, pad: 0 } as const;
  const factors = { scale: [1, 1, 1], offset: [0, 0, 0] } as const;
  const options = { source, crop: { left: 0, top: 0, width, height }, target: { ...target, ...factors } };
  const pixels = new Uint8Array(allocate(bytes).buffer);
  const tensor = new Float32Array(allocate(side * side * 12).buffer);
  for (let i = 0; i < 12; i++) void kernels.preprocess(pixels, options, tensor, 0);
}

async function busyWorker(work: Work): Promise<Worker> {
  const worker = new Worker(new URL(import.meta.url), { workerData: work });
  await once(worker, "message");
  return worker;
}

async function main(how: string, work: Work, times: number): Promise<void> {
  if (how === "exit") {
    await becomeBusy(work);
  } else if (how === "exit-with-workers") {
    await Promise.all(Array.from({ length: times }, () => busyWorker(work)));
  } else if (how === "throw") {
    await becomeBusy(work);
    throw new Error("on purpose");
  } else {
    for (let i = 0; i < times; i++) await (await busyWorker(work)).terminate();
  }
  console.log(how === "terminate" ? `busy, blocks left: ${memoryUse().blocks}` : "busy");
  process.exit();
}

if (isMainThread) {
  const [how = "", work = "run", times = "1"] = process.argv.slice(2);
  await main(how, work as Work, Number(times));
} else {
  await becomeBusy(workerData as Work);
  parentPort?.postMessage("busy");
}
