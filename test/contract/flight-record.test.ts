import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readFlightRecord } from "../../runtime/session/flight-record.ts";
import { startChild } from "../support/child-processes.ts";
import { MODELS } from "../support/models.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { mappedAt, sendBusErrorFrom, signalThread } from "../support/thread-signal.ts";

const CHILD = fileURLToPath(new URL("../support/children/run-for-ever.ts", import.meta.url));

/** A process that is in a run of a model, ended by what `end` does to it. */
async function ended(end: (pid: number) => void) {
  const record = join(await tempFolder(), "flight-record");
  const child = startChild(process.execPath, [CHILD, MODELS.mobilenetV2, record], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const exit = once(child, "exit");
  // It has said so once it is in its first run, and is in one ever after.
  await once(child.stdout, "data");
  end(child.pid ?? 0);
  const [, by] = await exit;
  return { by, entries: readFlightRecord(record) };
}

const SLOT = "sightline-0";
const running = (signal: number) => [{ label: "a@1.0.0", state: "running", signal }];

test.each([
  ["SIGSEGV", 11],
  ["SIGBUS", 7],
  ["SIGILL", 4],
  ["SIGFPE", 8],
  ["SIGABRT", 6],
] as const)(
  "a thread that faults with %s leaves what it was running, and the process ends of it",
  async (signal, number) => {
    const { by, entries } = await ended((pid) => signalThread(pid, SLOT, signal));
    expect(by).toBe(signal);
    expect(entries).toEqual(running(number));
  },
);

test("a SIGBUS that was sent ends the process, even if its sender's number would be an address of mapped weights", async () => {
  const { by, entries } = await ended((pid) =>
    sendBusErrorFrom(mappedAt(pid, MODELS.mobilenetV2), { pid, thread: SLOT }),
  );
  expect(by).toBe("SIGBUS");
  expect(entries).toEqual(running(7));
});

test.each(["SIGSEGV", "SIGABRT"] as const)("a %s of the main thread is no model's", async (signal) => {
  const { by, entries } = await ended((pid) => signalThread(pid, "MainThread", signal));
  expect(by).toBe(signal);
  expect(entries).toEqual(running(0));
});

test("a process that is killed says what it was running, and no fault", async () => {
  const { by, entries } = await ended((pid) => process.kill(pid, "SIGKILL"));
  expect(by).toBe("SIGKILL");
  expect(entries).toEqual(running(0));
});

test("a thread that is not there is no thread to be signalled", async () => {
  expect(() => signalThread(process.pid, "sightline-99", "SIGKILL")).toThrow("has no thread sightline-99");
});
