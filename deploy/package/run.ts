/**
 * Makes what users install.
 *
 *   node deploy/package/run.ts                  a package for dpkg for each architecture, and one for npm
 *   node deploy/package/run.ts --only amd64     only dist/sightline_VERSION_amd64.deb; or arm64, or npm
 *   node deploy/package/run.ts --only oci       an OCI image layout in dist/oci
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
import { packOci } from "./oci.ts";
import { emptied, writeTree } from "./tree.ts";

/** Those that are made when none is named; `oci` needs root, mmdebstrap and umoci. */
const DEFAULT = ["arm64", "amd64", "npm"] as const;
const KINDS = [...DEFAULT, "oci"] as const satisfies readonly (Arch | "npm" | "oci")[];
const DIST = join(ROOT, "dist");

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { only: { type: "string" } } });
  const wanted = values.only === undefined ? DEFAULT : KINDS.filter((kind) => kind === values.only);
  if (wanted.length === 0) throw new Error(`--only is ${KINDS.join(" or ")}, not "${values.only}"`);
  await mkdir(DIST, { recursive: true });
  for (const kind of wanted) {
    const file = await make(kind);
    const { size } = await stat(file);
    console.log(size > 1e6 ? `${file}: ${(size / 1e6).toFixed(0)} MB` : file);
  }
}

function make(kind: (typeof KINDS)[number]): Promise<string> {
  if (kind === "npm") return packNpm(DIST, readVersion());
  return kind === "oci" ? makeOci() : makeDeb(kind);
}

/** For this machine's architecture. */
async function makeOci(): Promise<string> {
  const arch = process.arch === "arm64" ? "arm64" : "amd64";
  const tree = await emptied(join(DIST, "tree-oci"));
  const folder = join(DIST, "oci");
  await writeTree(tree, arch, readVersion());
  await packOci(tree, folder, { arch, version: readVersion() });
  await rm(tree, { recursive: true });
  return folder;
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
