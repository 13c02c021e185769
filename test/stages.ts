// npm test: all that there is, in stages, each with its minutes. The first that fails is the last.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { boundCommand } from "../runtime/base/bound-command.ts";
import { beginRun, leftOf } from "./support/nothing-left.ts";

const ROOT = join(import.meta.dirname, "..");
const BIN = join(ROOT, "node_modules", ".bin");
const ARM64 = process.arch === "arm64";

interface Counts {
  passed: number;
  failed: number;
}

interface Stage {
  name: string;
  /** Commands, one after the other; Vitest's say how many tests passed. */
  commands: readonly (readonly string[])[];
}

const vitest = (...args: string[]) => [
  process.execPath,
  join(ROOT, "node_modules/vitest/vitest.mjs"),
  "run",
  ...args,
];
const STAGES: readonly Stage[] = [
  { name: "check", commands: [[join(BIN, "biome"), "check", "."], [join(BIN, "tsc")]] },
  { name: "tests", commands: [vitest()] },
  {
    name: "sanitized",
    commands: [
      [process.execPath, "runtime/native/build.mjs", "--sanitize"],
      vitest("--config", "vitest.asan.config.ts"),
    ],
  },
  // On an arm64 machine all tests have run on the real thing.
  ...(ARM64 ? [] : [{ name: "emulated", commands: [vitest("--config", "vitest.arm64.config.ts")] }]),
];

async function main(): Promise<number> {
  const run = beginRun();
  const folder = await mkdtemp(join(tmpdir(), "sightline-stages-"));
  const totals: Counts = { passed: 0, failed: 0 };
  const lines: string[] = [];
  let isGood = true;
  for (const stage of STAGES) {
    if (!isGood) break;
    const startedMs = performance.now();
    isGood = await pass(stage, totals, join(folder, "report.json"));
    const minutes = (performance.now() - startedMs) / 60_000;
    lines.push(
      `${stage.name.padEnd(9)} ${minutes.toFixed(1).padStart(5)} minutes${isGood ? "" : ", failed"}`,
    );
    console.log(`\n${lines.at(-1)}\n`);
  }
  await rm(folder, { recursive: true });
  const left = await leftOf(run);
  console.log(
    [...lines, ...(left.length > 0 ? ["left running:", ...left] : ["nothing is left running"])].join("\n"),
  );
  // The last line is for machines. A stage that failed without a test is counted as one.
  const failed = totals.failed + (!isGood && totals.failed === 0 ? 1 : 0) + left.length;
  console.log(`${totals.passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function pass({ commands }: Stage, totals: Counts, report: string): Promise<boolean> {
  for (const command of commands) {
    const isVitest = command.includes("run");
    const reporters = isVitest
      ? ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`]
      : [];
    const code = await run([...command, ...reporters]);
    if (isVitest) add(totals, await countsOf(report));
    if (code !== 0) return false;
  }
  return true;
}

async function run([file = "", ...args]: readonly string[]): Promise<number | null> {
  const child = spawn(...boundCommand(file, args), { cwd: ROOT, stdio: "inherit" });
  return new Promise((resolve) => child.once("exit", resolve));
}

/** Vitest writes no report when it could not begin. */
async function countsOf(report: string): Promise<Counts> {
  const text = await readFile(report, "utf8").catch(() => "{}");
  await rm(report, { force: true });
  const { numFailedTests = 0, numPassedTests = 0 } = JSON.parse(text) as {
    numFailedTests?: number;
    numPassedTests?: number;
  };
  return { passed: numPassedTests, failed: numFailedTests };
}

function add(totals: Counts, { failed, passed }: Counts): void {
  totals.passed += passed;
  totals.failed += failed;
}

process.exitCode = await main();
