import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CrashBook } from "../../../runtime/loader/crash-book.ts";
import { readFlightRecord } from "../../../runtime/session/flight-record.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const DAY_MS = 24 * 3_600_000;

/** As the engine lays a thread's entry out. */
function entry(state: number, signal: number, label: string): Buffer {
  const bytes = Buffer.alloc(128);
  bytes.writeUInt32LE(state, 0);
  bytes.writeUInt32LE(signal, 4);
  bytes.write(label, 8);
  return bytes;
}

/** Starts a process's book; `ended` is what the one before left in its record. */
async function started(folder: string, nowMs: number, ended: Buffer[] = []): Promise<CrashBook> {
  const book = new CrashBook({ folder });
  writeFileSync(book.recordPath, Buffer.concat(ended));
  await book.start(nowMs);
  return book;
}

describe("the flight record", () => {
  test("says which threads were busy, with what, and which of them faulted", async () => {
    const path = join(await tempFolder(), "record");
    writeFileSync(path, Buffer.concat([entry(0, 0, "idle"), entry(2, 11, "a@1"), entry(1, 0, "b@2")]));
    expect(readFlightRecord(path)).toEqual([
      { label: "a@1", state: "running", signal: 11 },
      { label: "b@2", state: "opening", signal: 0 },
    ]);
  });

  test("that is missing, cut short or nonsense says nothing", async () => {
    const folder = await tempFolder();
    writeFileSync(join(folder, "short"), entry(2, 11, "a@1").subarray(0, 60));
    writeFileSync(join(folder, "nonsense"), Buffer.alloc(256, 0xff));
    for (const name of ["short", "nonsense", "missing"]) {
      expect(readFlightRecord(join(folder, name))).toEqual([]);
    }
  });
});

describe("models that bring the process down", () => {
  test("are kept closed after the third time within a day", async () => {
    const folder = await tempFolder();
    await started(folder, 0);
    for (const [i, isClosed] of [false, false, true].entries()) {
      const book = await started(folder, i + 1, [entry(2, 11, "a@1"), entry(2, 0, "b@1")]);
      expect(book.quarantineOf("a@1") !== undefined).toBe(isClosed);
      expect(book.quarantineOf("b@1")).toBeUndefined();
    }
    expect((await started(folder, 4)).quarantineOf("a@1")).toMatchObject({ count: 3, signal: 11 });
    expect((await started(folder, DAY_MS + 4)).quarantineOf("a@1")).toBeUndefined();
  });

  test("may be tried again when an operator says so", async () => {
    const folder = await tempFolder();
    for (let i = 0; i < 3; i++) await started(folder, i, [entry(1, 6, "a@1")]);
    const book = await started(folder, 3);
    expect(book.quarantineOf("a@1")).toBeDefined();
    await book.forgive("a@1");
    expect((await started(folder, 4)).quarantineOf("a@1")).toBeUndefined();
  });

  test("are not blamed for being killed from outside", async () => {
    const folder = await tempFolder();
    for (let i = 0; i < 5; i++) await started(folder, i, [entry(2, 0, "a@1")]);
    expect((await started(folder, 5)).quarantineOf("a@1")).toBeUndefined();
  });
});
