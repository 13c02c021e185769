import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { chmod, cp, mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { bundle, ROOT } from "./bundle.ts";
import { buildAddon } from "./natives.ts";

/** What npm installs beside the bundle; the rest of the packages is in it. */
const INSTALLED = ["better-sqlite3", "onnxruntime-node", "sharp"];

/** Packs `folder/sightline-VERSION.tgz`, with addons for both architectures: nothing is compiled where it is installed. */
export async function packNpm(folder: string, version: string): Promise<string> {
  const stage = join(folder, "npm");
  const app = join(stage, "app");
  await bundle(app, version);
  for (const cpu of ["x64", "arm64"] as const) {
    const addon = await buildAddon(cpu);
    const to = join(app, addon);
    await mkdir(dirname(to), { recursive: true });
    await cp(join(ROOT, addon), to);
  }
  await chmod(join(app, "cli/sightline.mjs"), 0o755);
  const ours = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    description: string;
    license: string;
    dependencies: Record<string, string>;
  };
  const manifest = {
    ...{ name: "sightline", version, description: ours.description, license: ours.license, type: "module" },
    bin: { sightline: "app/cli/sightline.mjs" },
    files: ["app"],
    os: ["linux"],
    cpu: ["x64", "arm64"],
    engines: { node: ">=24" },
    dependencies: Object.fromEntries(INSTALLED.map((name) => [name, ours.dependencies[name]])),
  };
  await writeFile(join(stage, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
  for (const file of ["README.md", "LICENSE"]) await cp(join(ROOT, file), join(stage, file));
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ["npm"];
  const args = [...npm.slice(1), "pack", "--silent", "--pack-destination", folder];
  const name = execFileSync(npm[0] ?? "npm", args, { cwd: stage, encoding: "utf8" }).trim();
  const file = join(folder, `sightline-${version}.tgz`);
  if (join(folder, name) !== file) await rename(join(folder, name), file);
  return file;
}
