import { execFileSync, spawnSync } from "node:child_process";
import { type Block, type Cpu, PROGRAM } from "./workloads.ts";

/** LLVM's own model of a Cortex-A76 is that of a much older CPU; the Neoverse N1 is its sibling. */
const MODELS: Record<Cpu, string> = { "cortex-a72": "cortex-a72", "cortex-a76": "neoverse-n1" };

/** Where a call spends most instructions, and what a model of the CPU makes of it. */
export interface HotLoop {
  function: string;
  /** Of all that the call executes. */
  share: number;
  instructions: number;
  /** Times round in one call. */
  rounds: number;
  /** That the model needs for one round, everything in the first cache; null without llvm-mca. */
  cycles: number | null;
}

/** The command that models cycles is of no use to the tests, large, and so not installed for them. */
export const hasModel = (): boolean => spawnSync("llvm-mca-19", ["--version"]).status === 0;

export function hotLoop(blocks: readonly Block[], cpu: Cpu, total: number): HotLoop {
  const { address, instructions, runs } = hottest(blocks);
  const { name, lines } = disassemble(address, address + 4 * instructions);
  return {
    function: name,
    share: (instructions * runs) / total,
    instructions,
    rounds: runs,
    cycles: hasModel() ? modelledCycles(lines, MODELS[cpu]) : null,
  };
}

/** QEMU ends a block at each branch and each page; neighbours that run equally often are one. */
export function hottest(blocks: readonly Block[]): Block {
  const joined: Block[] = [];
  for (const block of blocks.toSorted((a, b) => a.address - b.address)) {
    const last = joined.at(-1);
    const follows =
      last && last.address + 4 * last.instructions === block.address && last.runs === block.runs;
    if (follows) last.instructions += block.instructions;
    else joined.push({ ...block });
  }
  const work = ({ instructions, runs }: Block) => instructions * runs;
  return joined.reduce((most, block) => (work(block) > work(most) ? block : most));
}

function disassemble(start: number, stop: number): { name: string; lines: string[] } {
  const range = [`--start-address=${start}`, `--stop-address=${stop}`];
  const args = ["-dC", "--no-show-raw-insn", ...range, PROGRAM];
  const listing = execFileSync("aarch64-linux-gnu-objdump", args, { encoding: "utf8" });
  const instructions = listing.matchAll(/^ +[0-9a-f]+:\t(.+)$/gm);
  return {
    name: /^[0-9a-f]+ <(.+?)(?:\+0x[0-9a-f]+)?>:$/m.exec(listing)?.[1] ?? "",
    // Where a branch goes does not matter to the model.
    lines: [...instructions].map(([, text = ""]) =>
      text.replace(/\s*\/\/.*/, "").replace(/\b[0-9a-f]+ <.*/, "."),
    ),
  };
}

function modelledCycles(lines: readonly string[], model: string): number {
  const target = ["-mtriple=aarch64-linux-gnu", `-mcpu=${model}`, "-mattr=+dotprod,+fullfp16"];
  const input = `${lines.join("\n")}\n`;
  const json = execFileSync("llvm-mca-19", [...target, "-iterations=1000", "-json"], {
    input,
    encoding: "utf8",
  });
  const { CodeRegions } = JSON.parse(json) as {
    CodeRegions: { SummaryView: { TotalCycles: number; Iterations: number } }[];
  };
  const summary = CodeRegions[0]?.SummaryView;
  return summary ? summary.TotalCycles / summary.Iterations : Number.NaN;
}
