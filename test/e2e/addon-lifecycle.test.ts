import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { afterAll, describe, expect, test } from "vitest";
import { allocate, attach, memoryUse } from "../../runtime/native/index.ts";
import { CpuExecutionProvider } from "../../runtime/session/cpu-provider.ts";
import { readFlightRecord } from "../../runtime/session/flight-record.ts";
import { run } from "../support/child-processes.ts";
import { MODELS, randomFeeds } from "../support/models.ts";

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
    const { stdout, stderr } = await run(process.execPath, command);
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
  const recordPath = join(mkdtempSync(join(tmpdir(), "sightline-")), "flight-record");
  const provider = new CpuExecutionProvider({ slots: 2, intraOpThreads: 1, recordPath });
  provider.start();
  afterAll(async () => {
    await provider.close();
    await rm(dirname(recordPath), { recursive: true });
  });
  const session = await provider.load(MODELS.mobilenetV2, { label: "running" });
  const feeds = randomFeeds(session.inputs, 3, 8);
  // Eight times the work: whatever is stopped in it has left most of it undone.
  const long = randomFeeds(session.inputs, 3, 64);
  const untilRunning = async () => {
    while (!readFlightRecord(recordPath).some(({ state }) => state === "running")) await setImmediate();
  };

  test("its time limit stops it in the middle, and the session goes on", async () => {
    const order: string[] = [];
    const whole = session.run(1, long).then(() => order.push("whole"));
    const limited = session.run(0, long, { timeLimitMs: 1 }).finally(() => order.push("limited"));
    await expect(limited).rejects.toEqual(code("ERR_SESSION_TIMEOUT"));
    await whole;
    expect(order).toEqual(["limited", "whole"]);
    expect(await session.run(0, feeds)).toHaveProperty("probs");
  });

  test("its caller can stop it, once begun and before", async () => {
    const control = new AbortController();
    const running = session.run(0, long, { signal: control.signal });
    await untilRunning();
    control.abort();
    await expect(running).rejects.toEqual(code("ERR_SESSION_CANCELLED"));
    await expect(session.run(0, feeds, { signal: control.signal })).rejects.toEqual(
      code("ERR_SESSION_CANCELLED"),
    );
  });

  test("a waiting run is given up at once, without disturbing the one before it", async () => {
    const order: string[] = [];
    const first = session.run(0, long).then(() => order.push("first"));
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
    const results = await session.run(0, feeds, { signal: control.signal, timeLimitMs: 3_600_000 });
    control.abort();
    expect(results.probs?.dims).toEqual([8, 1001]);
  });

  test.each([
    ["it runs", () => session.run(0, long)],
    ["another one loads", async () => (await provider.load(MODELS.squeezeNetFp16)).unload()],
  ])("the event loop turns on while %s", async (_, work) => {
    let turns = 0;
    let isOver = false;
    const over = Promise.resolve(work()).finally(() => {
      isOver = true;
    });
    for (; !isOver; turns++) await setImmediate();
    await over;
    // In a loop that waits for the work it would turn once or twice.
    expect(turns).toBeGreaterThan(10);
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
