import { execFileSync } from "node:child_process";
import os from "node:os";
import { parseArgs } from "node:util";
import { cpuFeatures } from "../runtime/native/index.ts";
import { benchAgainst } from "./against.ts";
import type { Bench, Row } from "./bench.ts";
import { cameras } from "./cameras.ts";
import { demo } from "./demo.ts";
import { kernels } from "./kernels.ts";
import { loader } from "./loader.ts";
import { models } from "./models.ts";
import { overhead } from "./overhead.ts";
import { packaged } from "./package.ts";
import { pipeline } from "./pipeline.ts";
import { serving } from "./serving.ts";
import { simulator } from "./simulator.ts";

const BENCHES: readonly Bench[] = [
  kernels,
  models,
  loader,
  simulator,
  overhead,
  serving,
  cameras,
  pipeline,
  demo,
  packaged,
];

/**
 * `npm run bench -- [NAME…] [--json] [--quick | --long] [--opencv]`; exit code 1 when a goal is missed. Goals are what was
 * set beforehand; no earlier measurement is one.
 * `npm run bench -- NAME… --against COMMIT [--rounds 2] [--quick | --long]`: both states of the code in turn, one table.
 */
async function main(): Promise<number> {
  const options = {
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    long: { type: "boolean", default: false },
    opencv: { type: "boolean", default: false },
    against: { type: "string" },
    rounds: { type: "string", default: "2" },
  } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const chosen = BENCHES.filter((b) => positionals.length === 0 || positionals.includes(b.name));
  if (chosen.length === 0) throw new Error(`benches: ${BENCHES.map((b) => b.name).join(", ")}`);
  if (values.against) {
    const flags = (["quick", "long", "opencv"] as const)
      .filter((flag) => values[flag])
      .map((flag) => `--${flag}`);
    await benchAgainst({
      commit: values.against,
      rounds: Number(values.rounds),
      args: [...positionals, ...flags],
    });
    return 0;
  }
  const on = machine();
  if (!values.json) console.log(`${Object.values(on).join(" · ")}\nGoals were set, not measured.\n`);
  const rows: Row[] = [];
  for (const bench of chosen) {
    const startMs = performance.now();
    for (const result of await bench.run(values)) {
      const row = { bench: bench.name, ...result };
      rows.push(row);
      console.log(values.json ? JSON.stringify({ ...row, on }) : line(row));
    }
    const minutes = (performance.now() - startMs) / 60_000;
    if (!values.json) console.log(`       ${bench.name} took ${minutes.toFixed(1)} minutes`);
  }
  return rows.every((row) => row.ok) ? 0 : 1;
}

function line({ bench, case: name, unit, ours, theirs, ratio, goal, ok }: Row): string {
  const times = ratio === null ? "" : `: ${ratio.toFixed(2)}×`;
  const peer = theirs === null ? "" : ` against ${theirs.toFixed(2)}${times}`;
  return `${ok ? "ok    " : "missed"} ${bench}: ${name}: ${ours.toFixed(2)} ${unit}${peer} (goal ${goal})`;
}

function machine() {
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: import.meta.dirname, encoding: "utf8" }).trim();
  return {
    machine: `${os.cpus()[0]?.model.trim() ?? os.arch()} × ${os.availableParallelism()}`,
    cpu: cpuFeatures().join(" "),
    node: process.versions.node,
    commit: `${git("rev-parse", "--short", "HEAD")}${git("status", "--porcelain") ? "+" : ""}`,
  };
}

process.exitCode = await main();
