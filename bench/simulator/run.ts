// Prints what each policy makes of the same arrivals.
//   npm run simulate -- [ARRIVALS]

import { cells } from "./cells.ts";
import { table } from "./table.ts";

console.log(table(cells(Number(process.argv[2] ?? 300_000))));
