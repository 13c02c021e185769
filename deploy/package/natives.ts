import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, cp, mkdir, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "./bundle.ts";

export type Arch = "arm64" | "amd64";

/** Node's name of an architecture. */
export const nodeArch = (arch: Arch): "arm64" | "x64" => (arch === "amd64" ? "x64" : "arm64");

const run = promisify(execFile);
/** What npm did not install for this machine lies in a folder of its own; see deploy/arm64/packages.mjs. */
const FOLDERS = ["node_modules", "node_modules/.cache/arm64/node_modules"].map((path) => join(ROOT, path));
const STRIP = { arm64: "aarch64-linux-gnu-strip", amd64: "strip" };

/** A package of which only some files are needed, as paths or beginnings of paths below its folder. */
interface Taken {
  name: string;
  files: readonly string[];
}

/** What goes beside the bundle because it is native code or finds native code by its path. */
function takenFor(arch: "arm64" | "x64"): Taken[] {
  return [
    { name: "better-sqlite3", files: ["package.json", "LICENSE", "lib", `prebuilds/linux-${arch}.node`] },
    { name: "sharp", files: ["package.json", "LICENSE", "dist", "lib"] },
    { name: `@img/sharp-linux-${arch}`, files: ["package.json", "LICENSE", "index.cjs", "lib"] },
    {
      name: `@img/sharp-libvips-linux-${arch}`,
      files: ["package.json", "README.md", "versions.json", "lib"],
    },
    { name: "@img/colour", files: [""] },
    { name: "detect-libc", files: [""] },
    { name: "semver", files: [""] },
    {
      name: "onnxruntime-node",
      files: ["package.json", `bin/napi-v6/linux/${arch}/libonnxruntime.so.1`],
    },
  ];
}

/** Copies the packages with native code for `arch` to `app`, and the addon. Gives the packages' folders. */
export async function copyNatives(app: string, arch: Arch): Promise<string[]> {
  const cpu = nodeArch(arch);
  const folders: string[] = [];
  for (const { files, name } of takenFor(cpu)) {
    const from = packageFolder(name);
    folders.push(from);
    for (const file of files) await copy(join(from, file), join(app, "node_modules", name, file));
  }
  const addon = await buildAddon(cpu);
  await copy(join(ROOT, addon), join(app, addon));
  return folders;
}

/** Builds the addon where it is not up to date, and gives its path within the project. */
export async function buildAddon(cpu: "arm64" | "x64"): Promise<string> {
  await run(process.execPath, [join(ROOT, "runtime/native/build.mjs"), "--arch", cpu]);
  return `runtime/native/build/linux-${cpu}/sightline.node`;
}

/** Node itself, without its symbols. */
export async function copyNode(target: string, arch: Arch): Promise<string> {
  const from = packageFolder(`node-linux-${nodeArch(arch)}`);
  await mkdir(dirname(target), { recursive: true });
  await run(STRIP[arch], ["--strip-unneeded", "-o", target, join(from, "bin/node")]);
  await chmod(target, 0o755);
  return from;
}

export function packageFolder(name: string): string {
  for (const folder of FOLDERS) {
    const path = join(folder, name);
    if (existsSync(join(path, "package.json"))) return path;
  }
  throw new Error(`${name} is not installed: run \`node deploy/setup.mjs --arm64\` first`);
}

async function copy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await cp(from, to, { recursive: true, dereference: true });
}

/** Every file below `folder`, sorted, as paths relative to it. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory());
  return files.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort();
}
