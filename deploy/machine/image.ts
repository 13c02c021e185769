import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { runInherited } from "./run-inherited.ts";

export type Arch = "arm64" | "amd64";

const HERE = import.meta.dirname;
const CACHE = join(HERE, "../../node_modules/.cache/machine");

/**
 * The folder with kernel, initrd and disk of a machine, built once for each recipe: about two minutes for amd64 and four
 * for arm64, whose packages are configured under emulation. A build that was interrupted is not taken for a whole one.
 */
export async function imageOf(arch: Arch): Promise<string> {
  const folder = join(CACHE, `${arch}-${await recipeDigest()}`);
  if (existsSync(folder)) return folder;
  await mkdir(CACHE, { recursive: true });
  const part = `${folder}.${process.pid}.part`;
  try {
    console.error(`machine: building the image for ${arch} (once)`);
    await runInherited("bash", [join(HERE, "build.sh"), arch, part]);
    await rename(part, folder);
  } finally {
    await rm(part, { recursive: true, force: true });
  }
  return folder;
}

/** Of all that the image is made by. */
async function recipeDigest(): Promise<string> {
  const guest = await readdir(join(HERE, "guest"), { recursive: true, withFileTypes: true });
  const files = guest.filter((entry) => entry.isFile()).map(({ name, parentPath }) => join(parentPath, name));
  const hash = createHash("sha256");
  for (const file of [join(HERE, "build.sh"), ...files.sort()]) hash.update(await readFile(file));
  return hash.digest("hex").slice(0, 12);
}
