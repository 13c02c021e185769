import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The models that Sightline ships. */
const ZOO = fileURLToPath(new URL("../models/zoo", import.meta.url));

/** The folder of a bundle, given by its name in the zoo or by its path. */
export function bundleFolder(nameOrFolder: string, cwd: string): string {
  const shipped = join(ZOO, nameOrFolder);
  return existsSync(join(shipped, "manifest.json")) ? shipped : resolve(cwd, nameOrFolder);
}

/** Folders of the models that Sightline ships. */
export function shippedBundles(): string[] {
  const folders = readdirSync(ZOO, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders.map((entry) => join(ZOO, entry.name)).sort();
}
