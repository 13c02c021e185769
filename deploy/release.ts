/**
 * Makes a release from a clean tree: version, changelog, commit, tag, and all that users install, in dist/VERSION.
 *
 *   npm run release -- 0.2.0 --key plant.key.pem
 *
 * The same commit gives the same packages. Nothing is pushed or published. The key is an Ed25519 key in PEM
 * (`sightline model keygen`); the signature is over SHA256SUMS, raw:
 * `openssl pkeyutl -verify -pubin -inkey KEY.pub.pem -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig`.
 */
import { execFileSync } from "node:child_process";
import { createHash, createPrivateKey, sign } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

const ROOT = join(import.meta.dirname, "..");
const DIST = join(ROOT, "dist");
const VERSION = /^\d+\.\d+\.\d+$/;

const run = (file: string, ...args: string[]): string =>
  execFileSync(file, args, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();

/** The changelog with what was not released as the release; there has to be something. */
export function releasedChangelog(text: string, version: string, date: string): string {
  const unreleased = /^## Unreleased\n([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(text);
  if (!unreleased?.[1]?.trim()) throw new Error("CHANGELOG.md has nothing under Unreleased");
  return text.replace("## Unreleased\n", `## Unreleased\n\n## ${version} - ${date}\n`);
}

/** Lines as sha256sum writes them. */
export function checksums(folder: string): string {
  return readdirSync(folder)
    .filter((name) => !name.startsWith("SHA256SUMS"))
    .sort()
    .map(
      (name) =>
        `${createHash("sha256")
          .update(readFileSync(join(folder, name)))
          .digest("hex")}  ${name}\n`,
    )
    .join("");
}

/** What was built from what, as an in-toto statement with SLSA's predicate (slsa.dev/provenance/v1). */
export function provenance(sums: string, { commit, version }: { commit: string; version: string }): string {
  const subject = sums
    .trim()
    .split("\n")
    .map((line) => {
      const [sha256, name] = line.split("  ");
      return { name, digest: { sha256 } };
    });
  const statement = {
    _type: "https://in-toto.io/Statement/v1",
    subject,
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: "npm run package",
        externalParameters: { version },
        resolvedDependencies: [{ uri: "git+sightline", digest: { gitCommit: commit } }],
      },
      runDetails: { builder: { id: `node ${process.versions.node} on ${process.arch}` } },
    },
  };
  return `${JSON.stringify(statement, undefined, 2)}\n`;
}

function main(): void {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { key: { type: "string" } } });
  const [version = ""] = positionals;
  if (!VERSION.test(version)) throw new Error("usage: npm run release -- X.Y.Z [--key KEY.pem]");
  if (run("git", "status", "--porcelain") !== "")
    throw new Error("the tree is not clean: commit or stash first");
  if (run("git", "tag", "--list", `v${version}`) !== "")
    throw new Error(`there is a tag v${version} already`);
  commitVersion(version);
  run(process.execPath, "deploy/package/run.ts");
  const folder = collect(version);
  const sums = checksums(folder);
  writeFileSync(
    join(folder, "provenance.intoto.json"),
    provenance(sums, { commit: run("git", "rev-parse", "HEAD"), version }),
  );
  const all = checksums(folder);
  writeFileSync(join(folder, "SHA256SUMS"), all);
  if (values.key) {
    const key = createPrivateKey(readFileSync(values.key));
    writeFileSync(join(folder, "SHA256SUMS.sig"), sign(null, Buffer.from(all), key));
  }
  console.log(`${folder}\n${all}${values.key ? "" : "not signed: no --key\n"}Next: git push --follow-tags`);
}

function commitVersion(version: string): void {
  run("npm", "version", version, "--no-git-tag-version", "--ignore-scripts");
  const changelog = join(ROOT, "CHANGELOG.md");
  const today = new Date().toISOString().slice(0, 10);
  writeFileSync(changelog, releasedChangelog(readFileSync(changelog, "utf8"), version, today));
  run("git", "commit", "--quiet", "--all", "--message", `Release ${version}`);
  run("git", "tag", "--annotate", `v${version}`, "--message", `Sightline ${version}`);
}

/** The files of this version, in a folder of their own. */
function collect(version: string): string {
  const folder = join(DIST, version);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const ours = readdirSync(DIST).filter((name) => name.includes(version) && /\.(deb|tgz)$/.test(name));
  for (const name of ours) renameSync(join(DIST, name), join(folder, name));
  return folder;
}

if (import.meta.main) main();
