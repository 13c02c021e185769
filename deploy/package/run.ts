/**
 * Makes what users install.
 *
 *   node deploy/package/run.ts                  a package for dpkg for each architecture, and one for npm
 *   node deploy/package/run.ts --only amd64     only dist/sightline_VERSION_amd64.deb; or arm64, or npm
 */
import { execFileSync } from "node:child_process";
import { mkdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readVersion } from "../../cli/version.ts";
import { ROOT } from "./bundle.ts";
import { packDeb } from "./deb.ts";
import type { Arch } from "./natives.ts";
import { packNpm } from "./npm.ts";
import { emptied, writeTree } from "./tree.ts";

const KINDS = ["arm64", "amd64", "npm"] as const satisfies readonly (Arch | "npm")[];
const DIST = join(ROOT, "dist");

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { only: { type: "string" } } });
  const wanted = KINDS.filter((kind) => values.only === undefined || kind === values.only);
  if (wanted.length === 0) throw new Error(`--only is ${KINDS.join(" or ")}, not "${values.only}"`);
  await mkdir(DIST, { recursive: true });
  for (const kind of wanted) {
    const file = kind === "npm" ? await packNpm(DIST, readVersion()) : await makeDeb(kind);
    console.log(`${file}: ${((await stat(file)).size / 1e6).toFixed(0)} MB`);
  }
}

async function makeDeb(arch: Arch): Promise<string> {
  const version = readVersion();
  const tree = await emptied(join(DIST, `tree-${arch}`));
  const file = join(DIST, `sightline_${version}_${arch}.deb`);
  await writeTree(tree, arch, version);
  await packDeb(tree, file, { arch, epochS: commitTimeS(), version });
  await rm(tree, { recursive: true });
  return file;
}

/** The time of the commit that is packed: two builds of it give the same bytes. */
function commitTimeS(): number {
  if (process.env.SOURCE_DATE_EPOCH) return Number(process.env.SOURCE_DATE_EPOCH);
  return Number(execFileSync("git", ["log", "-1", "--format=%ct"], { cwd: ROOT, encoding: "utf8" }));
}

await main();
