import { parseArgs } from "node:util";
import { type Counts, compareCounts, readBaseline, writeBaseline } from "./baseline.ts";
import { type HotLoop, hasModel, hotLoop } from "./hot-loop.ts";
import { countsOf, type Measured, measure } from "./measure.ts";

type Row = Omit<Measured, "blocks"> & { hot: HotLoop };

/**
 * `npm run bench:arm64 [-- --json | --check | --update]`: what each kernel executes on emulated boards. --check
 * compares with counts.json and ends with 1 when a count grew; --update writes that file.
 */
function main(): number {
  const flag = { type: "boolean", default: false } as const;
  const { values } = parseArgs({ options: { json: flag, check: flag, update: flag } });
  const measured = measure();
  if (values.check) return check(countsOf(measured));
  if (values.update) writeBaseline(countsOf(measured));
  const rows = measured.map(({ blocks, ...rest }) => ({
    ...rest,
    hot: hotLoop(blocks, rest.cpu, rest.instructions),
  }));
  if (values.json) for (const row of rows) console.log(JSON.stringify(row));
  else print(rows);
  return 0;
}

function check(counts: Counts): number {
  const problems = compareCounts(counts, readBaseline());
  for (const problem of problems) console.error(problem);
  if (problems.length === 0)
    console.log(`${Object.keys(counts.instructions).length} counts are as on record`);
  return problems.length === 0 ? 0 : 1;
}

function print(rows: readonly Row[]): void {
  console.log(
    "Instructions that QEMU counted, and cycles that LLVM's models give the hottest loop with all data in",
  );
  console.log("the first cache. No board was timed: figures to compare kernels by, not latencies.\n");
  if (!hasModel()) console.log("Cycles are missing: they need llvm-mca (apt-get install llvm-19).\n");
  console.table(
    rows.map((row) => ({
      kernel: row.kernel,
      variant: row.variant,
      cpu: row.cpu,
      unit: row.unit,
      "instructions/unit": (row.instructions / row.units).toFixed(3),
      "generic ÷ this": (genericOf(row, rows) / row.instructions).toFixed(2),
      "in hot loop": `${Math.round(row.hot.share * 100)} %`,
      "cycles/round": row.hot.cycles?.toFixed(2) ?? "?",
      "cycles/unit":
        row.hot.cycles === null ? "?" : ((row.hot.cycles * row.hot.rounds) / row.units).toFixed(3),
    })),
  );
}

function genericOf({ cpu, kernel }: Row, rows: readonly Row[]): number {
  const generic = rows.find((row) => row.cpu === cpu && row.kernel === kernel && row.variant === "generic");
  return generic?.instructions ?? Number.NaN;
}

process.exitCode = main();
