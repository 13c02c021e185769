import type { Outcome } from "./simulate.ts";

/**
 * A line a setting, a column a policy: p99 in milliseconds, `never` where more than one in a hundred was dropped, and the
 * share in deadline.
 */
export function table(cells: readonly { name: string; outcomes: Record<string, Outcome> }[]): string {
  const policies = Object.keys(cells[0]?.outcomes ?? {});
  const head = ["p99 ms (% in deadline)", ...policies];
  const lines = cells.map(({ name, outcomes }) => [
    name,
    ...policies.map((policy) => text(outcomes[policy])),
  ]);
  return [head, ...lines].map((cellsOf) => cellsOf.map((each) => each.padEnd(26)).join("")).join("\n");
}

function text(outcome: Outcome | undefined): string {
  if (!outcome) return "";
  const p99 = Number.isFinite(outcome.p99Ms) ? outcome.p99Ms.toFixed(1) : "never";
  return `${p99} (${(outcome.inDeadline * 100).toFixed(1)})`;
}
