import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const PROGRAM = fileURLToPath(
  new URL("../../runtime/native/build/linux-arm64/workloads", import.meta.url),
);

/** Boards' CPUs, the oldest first. */
export const CPUS = ["cortex-a72", "cortex-a76"] as const;
export type Cpu = (typeof CPUS)[number];

/** A kernel at a size, in one of its variants. */
export interface Workload {
  kernel: string;
  variant: string;
  /** In one call: pixels of the result, scores… */
  units: number;
  unit: string;
}

/** Consecutive instructions, and how often they ran. */
export interface Block {
  address: number;
  instructions: number;
  runs: number;
}

/** A Cortex-A72 has nothing beyond ARMv8.0; `npm run test:arm64` shows that the rest would end it. */
export const runsOn = ({ variant }: Workload, cpu: Cpu): boolean =>
  cpu !== "cortex-a72" || variant === "generic" || variant === "neon";

export function listWorkloads(): Workload[] {
  const lines = execFileSync("qemu-aarch64", [PROGRAM, "list"], { encoding: "utf8" }).trim().split("\n");
  return lines.map((line) => {
    const [kernel = "", variant = "", units, unit = ""] = line.split(" ");
    return { kernel, variant, units: Number(units), unit };
  });
}

/** What one call executes: the second call, so that start-up and what the first one prepares do not count. */
export function countCall(plugin: string, cpu: Cpu, workload: Workload): Block[] {
  const once = count(plugin, cpu, workload, 1);
  const twice = count(plugin, cpu, workload, 2);
  const blocks = [...twice].map(([key, block]) => ({
    ...block,
    runs: block.runs - (once.get(key)?.runs ?? 0),
  }));
  return blocks.filter(({ runs }) => runs !== 0);
}

export const executed = (blocks: readonly Block[]): number =>
  blocks.reduce((sum, { instructions, runs }) => sum + instructions * runs, 0);

/** QEMU's plugin, compiled for this machine. */
export function buildPlugin(folder: string): string {
  const plugin = join(folder, "count.so");
  const source = fileURLToPath(new URL("count.cc", import.meta.url));
  execFileSync(process.env.CXX ?? "c++", [
    "-O2",
    "-shared",
    "-fPIC",
    "-fvisibility=hidden",
    source,
    "-o",
    plugin,
  ]);
  return plugin;
}

function count(plugin: string, cpu: Cpu, { kernel, variant }: Workload, calls: number): Map<string, Block> {
  const folder = mkdtempSync(join(tmpdir(), "sightline-count-"));
  const out = join(folder, "blocks");
  const args = [
    "-cpu",
    cpu,
    "-plugin",
    `${plugin},out=${out}`,
    PROGRAM,
    "run",
    kernel,
    variant,
    String(calls),
  ];
  // Without variables: what the program finds at start is the same on every machine.
  execFileSync("qemu-aarch64", args, {
    stdio: ["ignore", "ignore", "inherit"],
    env: { PATH: process.env.PATH },
  });
  const blocks = new Map<string, Block>();
  for (const line of readFileSync(out, "utf8").trim().split("\n")) {
    const [address = 0, instructions = 0, runs = 0] = line.split(" ").map(Number);
    const key = `${address}+${instructions}`;
    // QEMU may translate a block again.
    blocks.set(key, { address, instructions, runs: runs + (blocks.get(key)?.runs ?? 0) });
  }
  rmSync(folder, { recursive: true });
  return blocks;
}
