import { existsSync } from "node:fs";
import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeFolder } from "../../../runtime/base/make-folder.ts";
import { tempFolder } from "../../support/temp-folder.ts";

test("creates all that is missing, and is content with what is there", async () => {
  const folder = join(await tempFolder(), "a/b/c");
  makeFolder(folder);
  makeFolder(folder);
  expect(existsSync(folder)).toBe(true);
});

test("fails, and ends, where no folder can be", async () => {
  const folder = await tempFolder();
  await writeFile(join(folder, "file"), "");
  await symlink(join(folder, "unplugged"), join(folder, "disk"));
  expect(() => makeFolder(join(folder, "file/a/b"))).toThrow("ENOTDIR");
  expect(() => makeFolder(join(folder, "disk/a/b"))).toThrow();
  expect(() => makeFolder("/proc/sightline/a")).toThrow("ENOENT");
});
