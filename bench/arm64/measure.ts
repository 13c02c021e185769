import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Counts } from "./baseline.ts";
import {
  type Block,
  buildPlugin,
  CPUS,
  type Cpu,
  countCall,
  executed,
  listWorkloads,
  runsOn,
  type Workload,
} from "./workloads.ts";

export interface Measured extends Workload {
  cpu: Cpu;
  /** That one call executes. */
  instructions: number;
  blocks: Block[];
}

/** Every workload on every CPU that can run it. */
export function measure(workloads: readonly Workload[] = listWorkloads()): Measured[] {
  const folder = mkdtempSync(join(tmpdir(), "sightline-bench-"));
  const plugin = buildPlugin(folder);
  const cases = workloads.flatMap((workload) =>
    CPUS.filter((cpu) => runsOn(workload, cpu)).map((cpu) => ({ ...workload, cpu })),
  );
  const measured = cases.map((one) => {
    const blocks = countCall(plugin, one.cpu, one);
    return { ...one, blocks, instructions: executed(blocks) };
  });
  rmSync(folder, { recursive: true });
  return measured;
}

export function countsOf(measured: readonly Measured[]): Counts {
  const named = measured.map(
    ({ cpu, instructions, kernel, variant }) => [`${kernel} ${variant} ${cpu}`, instructions] as const,
  );
  return { compiler: compiler(), instructions: Object.fromEntries(named) };
}

function compiler(): string {
  const text = execFileSync("aarch64-linux-gnu-g++", ["--version"], { encoding: "utf8" });
  return text.split("\n", 1)[0] ?? "";
}
