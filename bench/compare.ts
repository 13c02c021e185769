import { median, type Row } from "./bench.ts";

/** One case of a bench in two states of the code. */
export interface Compared {
  case: string;
  unit: string;
  /** Medians over all rounds; null where that state has no such case. */
  before: number | null;
  now: number | null;
  /** How many times better `now` is than `before`; above 1 is better. */
  ratio: number | null;
}

/** Cases in the order in which they first appear. */
export function compare(before: readonly Row[], now: readonly Row[]): Compared[] {
  const names = new Set([...now, ...before].map(nameOf));
  return [...names].map((name) => {
    const [old, young] = [before, now].map((rows) => rows.filter((row) => nameOf(row) === name)) as [
      Row[],
      Row[],
    ];
    const [row] = [...young, ...old] as [Row];
    const medians = { before: medianOf(old), now: medianOf(young) };
    return { case: name, unit: row.unit, ...medians, ratio: ratioOf(medians, isMoreBetter(row)) };
  });
}

export function table(compared: readonly Compared[], commit: string): string {
  const head = ["case", "unit", commit, "here", "here is"];
  const lines = compared.map(({ before, case: name, now, ratio, unit }) => [
    name,
    unit,
    figure(before),
    figure(now),
    ratio === null ? "–" : `${ratio.toFixed(2)}× as good`,
  ]);
  const widths = head.map((_, i) => Math.max(...[head, ...lines].map((line) => line[i]?.length ?? 0)));
  const laid = [head, ...lines].map((line) =>
    line.map((cell, i) => (i < 2 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
  );
  return laid.join("\n");
}

const nameOf = ({ bench, case: name }: Row): string => `${bench}: ${name}`;

const medianOf = (rows: readonly Row[]): number | null =>
  rows.length === 0 ? null : median(rows.map(({ ours }) => ours));

/** A row with a peer tells it by its ratio, one without by its goal. */
function isMoreBetter({ goal, ours, ratio, theirs }: Row): boolean {
  if (theirs !== null && ratio !== null && ratio !== 1 && ours !== theirs) return ours > theirs === ratio > 1;
  return goal.startsWith("≥");
}

function ratioOf({ before, now }: Pick<Compared, "before" | "now">, isMore: boolean): number | null {
  if (before === null || now === null || before <= 0 || now <= 0) return null;
  return isMore ? now / before : before / now;
}

const figure = (value: number | null): string => (value === null ? "–" : value.toPrecision(4));
