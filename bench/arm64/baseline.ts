import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Instructions of one call, by `KERNEL VARIANT CPU`, and the compiler that they are from. */
export interface Counts {
  compiler: string;
  instructions: Record<string, number>;
}

const FILE = fileURLToPath(new URL("counts.json", import.meta.url));
const GROWTH_MAX = 0.03;
const UPDATE = "npm run bench:arm64 -- --update";

export const readBaseline = (): Counts => JSON.parse(readFileSync(FILE, "utf8")) as Counts;

export function writeBaseline(counts: Counts): void {
  writeFileSync(FILE, `${JSON.stringify(counts, null, 2)}\n`);
}

/** A sentence for each reason not to accept these counts. */
export function compareCounts(found: Counts, baseline: Counts): string[] {
  if (found.compiler !== baseline.compiler) {
    return [
      `the counts on record are from ${baseline.compiler}, this machine has ${found.compiler}: take new ones with ${UPDATE}`,
    ];
  }
  const names = new Set([...Object.keys(baseline.instructions), ...Object.keys(found.instructions)]);
  return [...names].flatMap((name) => {
    const [was, is] = [baseline.instructions[name], found.instructions[name]];
    if (was === undefined) return [`${name} is not on record: ${UPDATE}`];
    if (is === undefined) return [`${name} is on record, but there is no such workload: ${UPDATE}`];
    if (is <= was * (1 + GROWTH_MAX)) return [];
    const growth = ((is / was - 1) * 100).toFixed(1);
    return [`${name} executes ${is} instructions a call instead of ${was} (+${growth} %)`];
  });
}
