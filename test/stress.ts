// npm run test:stress -- [--times 20] [--minutes 40] [--files PATTERN…]: tests that start a process, listen or wait,
// again and again, on a machine that has other things to do.
import { spawn } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, normalize, relative } from "node:path";
import { parseArgs } from "node:util";
import { boundCommand } from "../runtime/base/bound-command.ts";

const ROOT = join(import.meta.dirname, "..");
const BUSY = 2;
const WAITS = /child-processes|createServer|\.listen\(|expect\.poll|setTimeout|new Worker\(|timers\/promises/;

interface File {
  path: string;
  runs: number;
  seconds: number;
  failures: string[];
}

interface Report {
  testResults: {
    name: string;
    startTime: number;
    endTime: number;
    message: string;
    assertionResults: { status: string; fullName: string; failureMessages: string[] }[];
  }[];
}

const { values } = parseArgs({
  options: {
    times: { type: "string", default: "20" },
    minutes: { type: "string", default: "40" },
    files: { type: "string", multiple: true, default: [""] },
  },
});
const times = Number(values.times);
const limitSeconds = Number(values.minutes) * 60;
process.exitCode = await main();

async function main(): Promise<number> {
  const files = waiting().map((path): File => ({ path, runs: 0, seconds: 0, failures: [] }));
  if (files.length === 0) throw new Error("no such file waits for anything");
  const folder = await mkdtemp(join(tmpdir(), "sightline-stress-"));
  const busy = Array.from({ length: BUSY }, () =>
    spawn(...boundCommand(process.execPath, ["-e", "for (;;);"]), { stdio: "ignore" }),
  );
  const startedMs = performance.now();
  try {
    for (let round = 1, chosen = files; chosen.length > 0; round++) {
      await runOnce(chosen, join(folder, "report.json"));
      const seconds = (performance.now() - startedMs) / 1_000;
      console.log(`round ${round}: ${chosen.length} files, ${(seconds / 60).toFixed(1)} minutes so far`);
      chosen = next(files, seconds);
    }
  } finally {
    for (const child of busy) child.kill("SIGKILL");
    await rm(folder, { recursive: true });
  }
  return tell(files);
}

/** Test files that wait for something, or whose helpers do. */
function waiting(): string[] {
  const all = globSync("test/{unit,contract,e2e}/**/*.test.ts", { cwd: ROOT }).sort();
  const seen = new Map<string, boolean>();
  const isMeant = (path: string) => values.files.some((part) => path.includes(part));
  return all.filter((path) => isMeant(path) && waits(path, seen));
}

function waits(path: string, seen: Map<string, boolean>): boolean {
  const known = seen.get(path);
  if (known !== undefined) return known;
  seen.set(path, false);
  const text = readFileSync(join(ROOT, path), "utf8");
  const imports = [...text.matchAll(/from "(\.[^"]+\.ts)"/g)].map(([, target = ""]) =>
    normalize(join(dirname(path), target)),
  );
  const helpers = imports.filter((target) => target.startsWith("test/"));
  const does = WAITS.test(text) || helpers.some((helper) => waits(helper, seen));
  seen.set(path, does);
  return does;
}

/** Those that have not had their runs, as far as the time goes: each file has the same share of it, and the first run. */
function next(files: readonly File[], seconds: number): File[] {
  const spent = files.reduce((sum, file) => sum + file.seconds, 0);
  const share = (limitSeconds * (spent / seconds)) / files.length;
  const fits = (file: File) => file.seconds + file.seconds / file.runs <= Math.max(share, 0);
  return files.filter((file) => file.runs < times && fits(file) && seconds < limitSeconds);
}

async function runOnce(files: readonly File[], report: string): Promise<void> {
  const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
  const reporter = ["--reporter=json", `--outputFile=${report}`];
  const command = boundCommand(process.execPath, [
    vitest,
    "run",
    ...files.map(({ path }) => path),
    ...reporter,
  ]);
  const child = spawn(...command, { cwd: ROOT, stdio: ["ignore", "ignore", "inherit"] });
  const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
  const { testResults } = JSON.parse(await readFile(report, "utf8")) as Report;
  for (const { assertionResults, endTime, message, name, startTime } of testResults) {
    const file = files.find(({ path }) => path === relative(ROOT, name));
    if (!file) continue;
    file.runs++;
    file.seconds += (endTime - startTime) / 1_000;
    const failed = assertionResults.filter(({ status }) => status === "failed");
    file.failures.push(...failed.map((test) => `${test.fullName}: ${test.failureMessages.join(" ")}`));
    if (failed.length === 0 && message !== "") file.failures.push(message);
  }
  const isExplained = files.some(({ failures }) => failures.length > 0);
  if (code !== 0 && !isExplained) throw new Error(`Vitest ended with ${code}, and no test says why`);
}

function tell(files: readonly File[]): number {
  const fewer = files.filter(({ runs }) => runs < times);
  for (const { path, runs, seconds } of fewer) {
    console.log(`${path}: ${runs} times, ${(seconds / runs).toFixed(0)} s each: more of them did not fit`);
  }
  for (const { failures, path } of files) for (const failure of failures) console.log(`${path}: ${failure}`);
  const failed = files.reduce((sum, { failures }) => sum + failures.length, 0);
  const runs = files.reduce((sum, file) => sum + file.runs, 0);
  console.log(`${files.length} files, ${runs} runs, ${failed} failures`);
  return failed === 0 ? 0 : 1;
}
