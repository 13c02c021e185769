import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { ScriptProcess } from "../support/daemon-process.ts";
import { tempFolder } from "../support/temp-folder.ts";

const CHILD = fileURLToPath(new URL("../support/evidence-child.ts", import.meta.url));

test("kill -9 at any time leaves no part of a picture under its name", async () => {
  let whole = 0;
  let halves = 0;
  for (let round = 0; round < 12; round++) {
    const folder = await tempFolder();
    const child = new ScriptProcess(CHILD, [folder]);
    await child.untilOut(/writing/);
    await sleep(Math.random() * 20);
    child.signal("SIGKILL");
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
  expect(halves).toBeGreaterThan(0);
});
