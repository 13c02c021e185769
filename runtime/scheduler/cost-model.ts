import type { Cost } from "./plan-batch.ts";

interface Run {
  size: number;
  ms: number;
}

/** Runs that are remembered; the oldest go, so that a processor that slows down is noticed within as many. */
const WINDOW = 48;
/** An estimate that is further off than this is made again soon. */
const TOLERANCE = 0.15;
/** The estimate is made again after so many runs, and after fewer when it is off. It is not made more often because it costs as much as the planning that it serves. */
const REFIT_RUNS = { off: 4, on: 16 };
const QUANTILE = 0.95;
/** What nothing has confirmed for so long may be wrong by now: else an estimate that drops all would never be put right. */
const STALE_MS = 1_000;

/**
 * Learns what a run of b requests takes, by its slow ones: c + a·b through the 95th percentile of each size that was seen
 * lately (as Clockwork, OSDI '20, relies on steady run times, and Nexus, SOSP '19, on such lines).
 */
export class CostModel {
  readonly #runs: Run[] = [];
  #cost: Cost | undefined;
  #sinceFit = 0;
  #confirmedMs = Number.NEGATIVE_INFINITY;

  /** Undefined before the first run, and a second after the last. */
  costAt(nowMs: number): Cost | undefined {
    return nowMs - this.#confirmedMs > STALE_MS ? undefined : this.#cost;
  }

  /** A run of `size` requests that took `ms` and ended at `nowMs`. */
  observe(size: number, ms: number, nowMs: number): void {
    this.#confirmedMs = nowMs;
    this.#runs.push({ size, ms });
    if (this.#runs.length > WINDOW) this.#runs.shift();
    this.#sinceFit++;
    if (this.#cost && this.#sinceFit < REFIT_RUNS[isOff(this.#cost, size, ms) ? "off" : "on"]) return;
    this.#cost = fitted(this.#runs);
    this.#sinceFit = 0;
  }
}

const isOff = ({ baseMs, perItemMs }: Cost, size: number, ms: number): boolean =>
  Math.abs(ms - (baseMs + size * perItemMs)) > TOLERANCE * ms;

/** Least squares through a point a size, each with the weight of its runs; neither part is negative. */
function fitted(runs: readonly Run[]): Cost {
  const points = pointsOf(runs);
  const total = sum(points, ({ weight }) => weight);
  const meanSize = sum(points, ({ size, weight }) => size * weight) / total;
  const meanMs = sum(points, ({ ms, weight }) => ms * weight) / total;
  const variance = sum(points, ({ size, weight }) => weight * (size - meanSize) ** 2);
  if (variance === 0) return { baseMs: 0, perItemMs: meanMs / meanSize };
  const covariance = sum(points, ({ ms, size, weight }) => weight * (size - meanSize) * (ms - meanMs));
  const perItemMs = Math.min(meanMs / meanSize, Math.max(0, covariance / variance));
  return { baseMs: meanMs - perItemMs * meanSize, perItemMs };
}

/** The slow runs of each size. Sorted in place, as this is done every few frames. */
function pointsOf(runs: readonly Run[]): { size: number; ms: number; weight: number }[] {
  const points = [];
  const sizes = new Set<number>();
  for (const { size } of runs) sizes.add(size);
  for (const size of sizes) {
    let weight = 0;
    for (const run of runs) if (run.size === size) sorted[weight++] = run.ms;
    const ms = sorted.subarray(0, weight).sort()[Math.floor(QUANTILE * (weight - 1))] ?? 0;
    points.push({ size, ms, weight });
  }
  return points;
}

const sorted = new Float64Array(WINDOW);

const sum = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((total, item) => total + of(item), 0);
