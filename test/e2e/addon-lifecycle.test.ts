import { execFile } from "node:child_process";
import { once } from "node:events";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { afterAll, describe, expect, test } from "vitest";
import { allocate, attach, memoryUse } from "../../runtime/native/index.ts";
import { MODELS, randomFeeds, startProvider } from "../support/models.ts";

const children = new URL("../support/children/", import.meta.url);
const code = (wanted: string) => expect.objectContaining({ name: "SightlineError", code: wanted });

interface Ending {
  exitCode: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

async function child(script: string, ...args: string[]): Promise<Ending> {
  const command = ["--expose-gc", fileURLToPath(new URL(script, children)), ...args];
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, command);
    return { exitCode: 0, signal: null, stdout, stderr };
  } catch (error) {
    const { code: exitCode, signal, stdout, stderr } = error as Ending & { code: number };
    return { exitCode, signal, stdout, stderr };
  }
}

/** Two at a time: as many as a small board has cores to spare. */
async function inPairs<T>(count: number, task: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  const lane = async (): Promise<void> => {
    while (results.length < count) results.push(await task());
  };
  await Promise.all([lane(), lane()]);
  return results;
}

describe.each(["load", "run", "kernel"])("in the middle of a %s", (work) => {
  test("process.exit() on the main thread ends cleanly, 20 times", async () => {
    for (const ending of await inPairs(20, () => child("addon-exit.ts", "exit", work))) {
      expect(ending).toEqual({ exitCode: 0, signal: null, stdout: "busy\n", stderr: "" });
    }
  });

  test("process.exit() while workers are busy ends cleanly, 20 workers in 10 processes", async () => {
    for (const ending of await inPairs(10, () => child("addon-exit.ts", "exit-with-workers", work, "2"))) {
      expect(ending).toEqual({ exitCode: 0, signal: null, stdout: "busy\n", stderr: "" });
    }
  });

  test("worker.terminate() ends cleanly and frees the worker's memory, 60 workers in 2 processes", async () => {
    for (const ending of await inPairs(2, () => child("addon-exit.ts", "terminate", work, "30"))) {
      expect(ending).toEqual({ exitCode: 0, signal: null, stdout: "busy, blocks left: 0\n", stderr: "" });
    }
  });

  test("an uncaught error ends with its own message and exit code", async () => {
    const ending = await child("addon-exit.ts", "throw", work);
    expect(ending).toMatchObject({ exitCode: 1, signal: null });
    expect(ending.stderr).toContain("on purpose");
  });
});

test("a process that only waits for a run stays until it is through, and then ends by itself", async () => {
  expect(await child("engine-natural-end.ts")).toEqual({
    exitCode: 0,
    signal: null,
    stdout: "5\n",
    stderr: "",
  });
});

test("200 times load, run and unload leave memory flat", async () => {
  const { stdout } = await child("engine-cycle.ts", "200");
  const { early, late } = JSON.parse(stdout) as { early: number; late: number };
  const grownMiB = (late - early) / 2 ** 20;
  console.log(
    `resident after 20 cycles ${(early / 2 ** 20).toFixed(1)} MiB, grown by ${grownMiB.toFixed(1)} MiB at 200`,
  );
  expect(grownMiB).toBeLessThan(12);
});

describe("while a model runs", async () => {
  const provider = startProvider(1);
  afterAll(() => provider.close());
  const session = await provider.load(MODELS.mobilenetV2);
  const feeds = randomFeeds(session.inputs, 3, 8);
  const startedMs = performance.now();
  await session.run(0, feeds);
  const wholeMs = performance.now() - startedMs;

  test("its time limit stops it in the middle, and the session goes on", async () => {
    const began = performance.now();
    await expect(session.run(0, feeds, { timeLimitMs: wholeMs / 8 })).rejects.toEqual(
      code("ERR_SESSION_TIMEOUT"),
    );
    expect(performance.now() - began).toBeLessThan(wholeMs * 0.75);
    expect(await session.run(0, feeds)).toHaveProperty("probs");
  });

  test("its caller can stop it, once begun and before", async () => {
    const control = new AbortController();
    const running = session.run(0, feeds, { signal: control.signal, timeLimitMs: 60_000 });
    setTimeout(() => control.abort(), wholeMs / 8);
    await expect(running).rejects.toEqual(code("ERR_SESSION_CANCELLED"));
    await expect(session.run(0, feeds, { signal: control.signal })).rejects.toEqual(
      code("ERR_SESSION_CANCELLED"),
    );
  });

  test("a waiting run is given up at once, without disturbing the one before it", async () => {
    const order: string[] = [];
    const first = session.run(0, feeds).then(() => order.push("first"));
    const second = session.run(0, feeds, { timeLimitMs: 1 }).catch((error: unknown) => {
      order.push("second");
      return error;
    });
    expect(await second).toEqual(code("ERR_SESSION_TIMEOUT"));
    await first;
    expect(order).toEqual(["second", "first"]);
  });

  test("a limit that is not reached changes nothing", async () => {
    const control = new AbortController();
    const results = await session.run(0, feeds, { signal: control.signal, timeLimitMs: 60_000 });
    control.abort();
    expect(results.probs?.dims).toEqual([8, 1001]);
  });

  test("and models load, the event loop stays free: p99 below 10 ms", async () => {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const deadlineMs = performance.now() + 3_000;
    const single = randomFeeds(session.inputs, 4);
    const loads = (async () => {
      for (let i = 0; i < 5; i++) await (await provider.load(MODELS.squeezeNetFp16)).unload();
    })();
    while (performance.now() < deadlineMs) await session.run(0, single);
    await loads;
    delay.disable();
    const p99Ms = delay.percentile(99) / 1e6;
    console.log(`event loop delay p99 ${p99Ms.toFixed(2)} ms, max ${(delay.max / 1e6).toFixed(2)} ms`);
    expect(p99Ms).toBeLessThan(10);
  });
});

test("a worker's blocks go with it, but for those that others hold", async () => {
  const before = memoryUse();
  const ours = allocate(4096);
  const worker = new Worker(new URL("block-worker.ts", children), { workerData: ours.id });
  const [id] = await once(worker, "message");
  expect(new Uint8Array(ours.buffer)[0]).toBe(42);
  const theirs = new Uint8Array(attach(id));
  expect(memoryUse().blocks).toBe(before.blocks + 3);
  await worker.terminate();
  expect(memoryUse()).toEqual({ bytes: before.bytes + 4096 + 2 ** 20, blocks: before.blocks + 2 });
  expect(theirs[0]).toBe(43);
});
