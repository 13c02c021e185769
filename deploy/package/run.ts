/**
 * Makes what users install.
 *
 *   node deploy/package/run.ts [--arch arm64|amd64]   dist/sightline_VERSION_ARCH.deb; left out: both
 */
import { execFileSync } from "node:child_process";
import { mkdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readVersion } from "../../cli/version.ts";
import { ROOT } from "./bundle.ts";
import { packDeb } from "./deb.ts";
import type { Arch } from "./natives.ts";
import { emptied, writeTree } from "./tree.ts";

const ARCHES: readonly Arch[] = ["arm64", "amd64"];
const DIST = join(ROOT, "dist");

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { arch: { type: "string" } } });
  const wanted = values.arch === undefined ? ARCHES : ARCHES.filter((arch) => arch === values.arch);
  if (wanted.length === 0) throw new Error(`--arch is ${ARCHES.join(" or ")}, not "${values.arch}"`);
  await mkdir(DIST, { recursive: true });
  for (const arch of wanted) await makeDeb(arch);
}

async function makeDeb(arch: Arch): Promise<void> {
  const version = readVersion();
  const tree = await emptied(join(DIST, `tree-${arch}`));
  const file = join(DIST, `sightline_${version}_${arch}.deb`);
  await writeTree(tree, arch, version);
  await packDeb(tree, file, { arch, epochS: commitTimeS(), version });
  await rm(tree, { recursive: true });
  console.log(`${file}: ${((await stat(file)).size / 1e6).toFixed(0)} MB`);
}

/** The time of the commit that is packed: two builds of it give the same bytes. */
function commitTimeS(): number {
  if (process.env.SOURCE_DATE_EPOCH) return Number(process.env.SOURCE_DATE_EPOCH);
  return Number(execFileSync("git", ["log", "-1", "--format=%ct"], { cwd: ROOT, encoding: "utf8" }));
}

await main();
