import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readFlightRecord } from "../../runtime/session/flight-record.ts";
import { MODELS } from "../support/models.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { signalThread, threadOf } from "../support/thread-signal.ts";

const CHILD = fileURLToPath(new URL("../support/children/run-for-ever.ts", import.meta.url));

/** Ends a process by a signal to one of its threads, as a fault of that thread would, or to all of it. */
async function ended(signal: "SIGSEGV" | "SIGABRT" | "SIGKILL", thread: string | undefined) {
  const record = join(await tempFolder(), "flight-record");
  const child = spawn(process.execPath, [CHILD, MODELS.mobilenetV2, record], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const exit = once(child, "exit");
  // It has said so once it is in its first run, and is in one ever after.
  await once(child.stdout, "data");
  const pid = child.pid ?? 0;
  if (thread === undefined) child.kill(signal);
  else signalThread(pid, threadOf(pid, thread) ?? 0, signal);
  const [, by] = await exit;
  return { by, entries: readFlightRecord(record) };
}

test.each([
  ["SIGSEGV", 11],
  ["SIGABRT", 6],
] as const)(
  "a thread that faults with %s leaves what it was running, and the process ends of it",
  async (signal, number) => {
    const { by, entries } = await ended(signal, "sightline-0");
    expect(by).toBe(signal);
    expect(entries).toEqual([{ label: "a@1.0.0", state: "running", signal: number }]);
  },
);

test("a fault of the main thread is no model's", async () => {
  const { by, entries } = await ended("SIGABRT", "MainThread");
  expect(by).toBe("SIGABRT");
  expect(entries.filter(({ signal }) => signal !== 0)).toEqual([]);
});

test("a process that is killed says what it was running, and no fault", async () => {
  const { by, entries } = await ended("SIGKILL", undefined);
  expect(by).toBe("SIGKILL");
  expect(entries).toEqual([{ label: "a@1.0.0", state: "running", signal: 0 }]);
});
