// npm run test:simulation -- [--seeds COUNT] [--first SEED]
import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { boundCommand } from "../../runtime/base/bound-command.ts";
import type { Outcome } from "./simulate.ts";
import { simulate } from "./simulate.ts";

const options = { seeds: { type: "string" }, first: { type: "string" }, every: { type: "string" } } as const;
const { values } = parseArgs({ options });
const seeds = Number(values.seeds ?? 200);
const first = Number(values.first ?? 1);

/** In a process of its own: every so many seeds, beginning with the first. */
async function runShare(every: number): Promise<void> {
  for (let seed = first; seed < first + seeds; seed += every) process.send?.(await simulate(seed));
}

async function runAll(): Promise<number> {
  const shares = availableParallelism();
  const totals = { passed: 0, failed: 0, frames: 0, verdicts: 0, dropped: 0, requests: 0 };
  const count = ({ findings, seed, ...counts }: Outcome) => {
    totals[findings.length > 0 ? "failed" : "passed"]++;
    for (const key of ["frames", "verdicts", "dropped", "requests"] as const) totals[key] += counts[key];
    for (const finding of findings) console.log(`seed ${seed}: ${finding}`);
  };
  const children = Array.from({ length: shares }, (_, i) => {
    const share = ["--first", `${first + i}`, "--seeds", `${seeds - i}`, "--every", `${shares}`];
    const args = [...process.execArgv, import.meta.filename, ...share];
    const stdio = ["inherit", "inherit", "inherit", "ipc"] as const;
    return spawn(...boundCommand(process.execPath, args), { stdio: [...stdio] }).on("message", count);
  });
  const ends = await Promise.all(children.map((child) => once(child, "exit")));
  const { dropped, failed, frames, passed, requests, verdicts } = totals;
  console.log(`${frames} frames: ${verdicts} verdicts, ${dropped} dropped; ${requests} requests`);
  console.log(`${passed} passed, ${failed} failed`);
  const isWhole = passed + failed === seeds && ends.every(([code]) => code === 0);
  if (!isWhole) console.log("a process of the simulation ended before its seeds");
  return isWhole && failed === 0 ? 0 : 1;
}

if (values.every) await runShare(Number(values.every));
else process.exitCode = await runAll();
