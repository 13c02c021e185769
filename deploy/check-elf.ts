/**
 * Whether a linked addon runs on every board that it is for:  node deploy/check-elf.ts FILE
 * Old libraries suffice, nothing but the init functions can clash with ONNX Runtime or Node, and instructions that
 * not every CPU has stand only in functions that are called after the CPU was asked.
 */
import { spawnSync } from "node:child_process";

/** What ONNX Runtime's own library needs: glibc 2.28, and libstdc++ of GCC 6.1. */
const NEWEST: Record<string, string> = { GLIBC: "2.28", GLIBCXX: "3.4.22", CXXABI: "1.3.10" };
const EXPORTS = ["napi_register_module_v1", "node_api_module_get_api_version_v1"];

/** What functions of one of our namespaces may use. */
const inNamespace = (name: string) => new RegExp(`^_ZZ?NK?9sightline${name.length}${name}`);
/** The first line that fits a function's mangled name counts; the assembler knows what each CPU has. */
const MARCH: [function: RegExp, march: string][] = [
  [inNamespace("neon_dotprod"), "armv8.2-a+dotprod"],
  [inNamespace("neon_fp16"), "armv8.2-a+fp16"],
  // GCC's atomics ask the CPU before they use the newer ones.
  [/^__aarch64_/, "armv8.1-a"],
  [/^/, "armv8-a"],
];

interface Instruction {
  /** The function's mangled name. */
  symbol: string;
  text: string;
}

interface DynamicSymbol {
  name: string;
  isDefined: boolean;
  /** Such as GLIBC_2.17. */
  version: string | undefined;
}

/** A sentence for each thing that is wrong; none when all is well. */
export function checkElf(file: string): string[] {
  const header = run("readelf", ["-hW", file]);
  const symbols = dynamicSymbols(file);
  const outside = visible(symbols);
  if (header.includes("X86-64")) {
    // Built where it runs, so its libraries are as new as they need to be.
    return demangled([...outside, ...strayAvx(disassemble("x86_64-linux-gnu", file))]);
  }
  if (!header.includes("AArch64")) return ["is for neither arm64 nor x64"];
  const instructions = disassemble("aarch64-linux-gnu", file);
  return demangled([...outside, ...tooNew(symbols), ...unassembled(instructions)]);
}

/** Of all symbols, those that other libraries see. */
export function dynamicSymbols(file: string): DynamicSymbol[] {
  const lines = run("readelf", ["-W", "--dyn-syms", file]).split("\n");
  return lines.flatMap((line) => {
    const [index, , , , binding, , section, name] = line.trim().split(/\s+/);
    if (!/^\d+:$/.test(index ?? "") || name === undefined || binding === "LOCAL") return [];
    const [plain = "", version] = name.split(/@+/);
    return [{ name: plain, isDefined: section !== "UND", version }];
  });
}

function visible(symbols: readonly DynamicSymbol[]): string[] {
  const exported = symbols.filter(({ isDefined, name }) => isDefined && !EXPORTS.includes(name));
  return exported.map(({ name }) => `${name} is visible to other libraries`);
}

function tooNew(symbols: readonly DynamicSymbol[]): string[] {
  return symbols.flatMap(({ name, isDefined, version = "" }) => {
    const [library = "", number = ""] = version.split("_");
    const newest = NEWEST[library];
    if (isDefined || newest === undefined || !isNewer(number, newest)) return [];
    return [`${name} needs ${version}; boards have ${library}_${newest}`];
  });
}

export function isNewer(version: string, limit: string): boolean {
  return version.localeCompare(limit, "en", { numeric: true }) > 0;
}

function disassemble(triple: string, file: string): Instruction[] {
  const listing = run(`${triple}-objdump`, ["-d", "--no-show-raw-insn", file]);
  const found: Instruction[] = [];
  let symbol = "";
  for (const line of listing.split("\n")) {
    symbol = /^[0-9a-f]+ <(.+)>:$/.exec(line)?.[1] ?? symbol;
    const text = /^ +[0-9a-f]+:\t(.+)$/.exec(line)?.[1];
    if (text !== undefined) found.push({ symbol, text: text.replaceAll("\t", " ") });
  }
  if (found.length === 0) throw new Error(`${triple}-objdump finds no instructions in ${file}: ${listing}`);
  return found;
}

/** What the assembler refuses to make for the CPU that the function is for. */
function unassembled(instructions: readonly Instruction[]): string[] {
  const marchOf = ({ symbol }: Instruction) => MARCH.find(([name]) => name.test(symbol))?.[1] ?? "";
  return [...Map.groupBy(instructions, marchOf)].flatMap(([march, all]) => {
    const lines = all.map(({ text }) => assemblerText(text));
    const refused = new Set(refusedLines(march, lines));
    return perFunction(
      all.filter((_, line) => refused.has(line)),
      `which ${march} has not`,
    );
  });
}

/** Where a branch goes does not matter: to itself. */
const assemblerText = (text: string): string => text.replace(/\s*\/\/.*/, "").replace(/\b[0-9a-f]+ <.*/, ".");

/** Indexes of the lines that the assembler complains about. */
function refusedLines(march: string, lines: readonly string[]): number[] {
  const args = [`-march=${march}`, "-o", "/dev/null", "-"];
  const complaints = run("aarch64-linux-gnu-as", args, `${lines.join("\n")}\n`);
  const refused = [...complaints.matchAll(/:(\d+): Error/g)].map((match) => Number(match[1]) - 1);
  if (refused.length === 0 && complaints.trim() !== "") throw new Error(complaints);
  return refused;
}

/** VEX and EVEX instructions, whose names begin with v, and the wider registers. */
function strayAvx(instructions: readonly Instruction[]): string[] {
  const isAvx = /^(?!verr|verw)v|%[yz]mm/;
  const stray = instructions.filter(
    ({ symbol, text }) => isAvx.test(text) && !inNamespace("avx2").test(symbol),
  );
  return perFunction(stray, "which not every x64 CPU has");
}

function perFunction(instructions: readonly Instruction[], why: string): string[] {
  const bySymbol = Map.groupBy(instructions, ({ symbol }) => symbol);
  return [...bySymbol].map(([symbol, [first]]) => `${symbol} uses ${first?.text}, ${why}`);
}

function demangled(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : run("c++filt", [], lines.join("\n")).trimEnd().split("\n");
}

/** What a program says, be it a result or a complaint; a program that is missing throws. */
function run(command: string, args: readonly string[], input = ""): string {
  const env = { ...process.env, LC_ALL: "C" };
  const { error, stderr, stdout } = spawnSync(command, args, {
    input,
    env,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (error) throw error;
  return stdout + stderr;
}

if (import.meta.main) {
  const [file] = process.argv.slice(2);
  if (file === undefined) throw new Error("which file?");
  const problems = checkElf(file);
  for (const problem of problems) console.error(`${file}: ${problem}`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
