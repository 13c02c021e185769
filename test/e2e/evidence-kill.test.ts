import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { ScriptProcess } from "../support/daemon-process.ts";
import { untilStopped } from "../support/processes.ts";
import { tempFolder } from "../support/temp-folder.ts";

const CHILD = fileURLToPath(new URL("../support/evidence-child.ts", import.meta.url));

/** Whether it is in the middle of one is seen while it stands still. */
async function killInWrite(child: ScriptProcess, folder: string): Promise<void> {
  const isInWrite = async () => (await readdir(join(folder, ".tmp"))).length > 0;
  for (;;) {
    child.signal("SIGSTOP");
    await untilStopped(child.pid);
    if (await isInWrite()) return child.signal("SIGKILL");
    child.signal("SIGCONT");
    await sleep(1);
  }
}

test("kill -9 at any time leaves no part of a picture under its name", async () => {
  let whole = 0;
  let halves = 0;
  for (let round = 0; round < 12; round++) {
    const folder = await tempFolder();
    const child = new ScriptProcess(CHILD, [folder]);
    await child.untilOut(/writing/);
    await sleep(Math.random() * 20);
    await killInWrite(child, folder);
    await child.ended;
    for (const name of await readdir(folder)) {
      if (name === ".tmp") {
        halves += (await readdir(join(folder, name))).length;
        continue;
      }
      for (const file of await readdir(join(folder, name))) {
        const content = await readFile(join(folder, name, file));
        const expected = Number(name) % 251;
        expect([content.length, content.every((byte) => byte === expected)]).toEqual([1_000_000, true]);
        whole++;
      }
    }
  }
  expect(whole).toBeGreaterThan(12);
  // Else the kills came at the wrong time and proved nothing.
  expect(halves).toBe(12);
});
