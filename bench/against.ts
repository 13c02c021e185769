import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { boundCommand } from "../runtime/base/bound-command.ts";
import type { Row } from "./bench.ts";
import { type Compared, compare, table } from "./compare.ts";

const ROOT = join(import.meta.dirname, "..");

export interface AgainstOptions {
  commit: string;
  /** Each is both states, and the next one begins with the one that came last: whatever drifts meets both alike. */
  rounds: number;
  /** As this bench and the commit's own take them: the names of benches, `--quick`, `--long`. */
  args: readonly string[];
}

/** Runs benches as they are here and as they were at a commit, and prints one table. */
export async function benchAgainst({ args, commit, rounds }: AgainstOptions): Promise<Compared[]> {
  const name = git("rev-parse", "--short", `${commit}^{commit}`);
  const folder = await mkdtemp(join(tmpdir(), "sightline-against-"));
  const old = join(folder, name);
  // The benches get the signal as well; what is left of them then is cleared away below.
  process.once("SIGINT", () => {});
  try {
    await prepare(old, name);
    const rows = { before: [] as Row[], now: [] as Row[] };
    for (let round = 0; round < rounds; round++) {
      const turns = [() => into(rows.before, old, args), () => into(rows.now, ROOT, args)];
      for (const turn of round % 2 === 0 ? turns : turns.reverse()) await turn();
      console.error(`round ${round + 1} of ${rounds}`);
    }
    const compared = compare(rows.before, rows.now);
    console.log(table(compared, name));
    return compared;
  } finally {
    if (existsSync(old)) git("worktree", "remove", "--force", old);
    await rm(folder, { recursive: true });
  }
}

/** The commit's own set-up installs its packages, where they are not ours, and builds its addon. */
async function prepare(old: string, commit: string): Promise<void> {
  git("worktree", "add", "--quiet", "--detach", old, commit);
  const [ours, theirs] = [ROOT, old].map((folder) => readFileSync(join(folder, "package-lock.json"), "utf8"));
  if (ours === theirs) await symlink(join(ROOT, "node_modules"), join(old, "node_modules"));
  await run(old, ["deploy/setup.mjs"]);
}

async function into(rows: Row[], root: string, args: readonly string[]): Promise<void> {
  const lines = (await run(root, ["bench/run.ts", ...args, "--json"])).trim().split("\n").filter(Boolean);
  rows.push(...lines.map((line) => JSON.parse(line) as Row));
}

/** What a script prints; exit code 1 is that of a missed goal, which is no matter here. */
async function run(root: string, args: readonly string[]): Promise<string> {
  const child = spawn(...boundCommand(process.execPath, args), {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [printed, code] = await Promise.all([
    text(child.stdout),
    new Promise<number | null>((resolve) => child.once("exit", resolve)),
  ]);
  if (code === 0 || (code === 1 && printed !== "")) return printed;
  throw new Error(`${args.join(" ")} ended with ${code} in ${root}`);
}

const git = (...args: string[]): string => execFileSync("git", args, { cwd: ROOT, encoding: "utf8" }).trim();
