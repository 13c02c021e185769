/** One comparison, or one figure held against a goal. */
export interface Result {
  case: string;
  unit: string;
  ours: number;
  /** Null where there is no peer. */
  theirs: number | null;
  /** How many times better ours is; above 1 is better. */
  ratio: number | null;
  /** Of the ratio, or of `ours` where there is no peer: what was set, not what was measured once. */
  goal: string;
  ok: boolean;
}

export type Row = Result & { bench: string };

export interface Bench {
  name: string;
  /**
   * `quick` is a run of a few seconds that shows that the bench still works; `long` one of minutes, where a bench has
   * something that only time tells; `opencv` asks for that peer where a bench has it.
   */
  run(options: { quick: boolean; long: boolean; opencv: boolean }): Promise<Result[]>;
}

/** Ours against theirs for a rate (more is better), with a goal for the ratio. */
export function rate(name: string, unit: string, ours: number, theirs: number, goal: number): Result {
  const ratio = ours / theirs;
  return { case: name, unit, ours, theirs, ratio, goal: `≥ ${goal}×`, ok: ratio >= goal };
}

/** A figure without a peer (more is better). */
export function least(name: string, unit: string, ours: number, goal: number): Result {
  return { case: name, unit, ours, theirs: null, ratio: null, goal: `≥ ${goal} ${unit}`, ok: ours >= goal };
}

/** A cost without a peer (less is better). */
export function cost(name: string, unit: string, ours: number, goal: number): Result {
  return { case: name, unit, ours, theirs: null, ratio: null, goal: `< ${goal} ${unit}`, ok: ours < goal };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
