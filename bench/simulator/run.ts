// Prints what each policy makes of the same arrivals: of drawn ones, or of those in a file (see `recorded`).
//   npm run simulate -- [ARRIVALS] [--arrivals FILE]

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { recorded } from "./arrivals.ts";
import { cells, recordedCells } from "./cells.ts";
import { table } from "./table.ts";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { arrivals: { type: "string" } },
});
const text = values.arrivals === undefined ? undefined : readFileSync(values.arrivals, "utf8");
console.log(
  table(text === undefined ? cells(Number(positionals[0] ?? 300_000)) : recordedCells(recorded(text))),
);
