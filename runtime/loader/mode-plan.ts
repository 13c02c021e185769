import { SightlineError } from "../base/errors.ts";
import { formatBytes } from "../base/units.ts";
import type { StageNeed } from "./stage-need.ts";

export type StreamPolicy = "auto" | "always" | "never";

/** A model that is to be in memory together with others. */
export interface Candidate {
  name: string;
  stream: StreamPolicy;
  warm: StageNeed;
  /** Undefined when it cannot be divided into slices. */
  streaming: StageNeed | undefined;
}

export interface Limits {
  /** What these models may have. */
  residentBytes: number;
  activationBytes: number;
}

/**
 * Which of the models stream, so that all are in memory at once: as few as possible, the largest first.
 * Errors: ERR_MODEL_BUDGET, with what is needed and what there is.
 */
export function planModes(candidates: readonly Candidate[], limits: Limits): Map<string, boolean> {
  const streams = new Map(
    candidates.map(({ name, stream, streaming }) => [name, stream === "always" && !!streaming]),
  );
  const sum = () => candidates.reduce((bytes, each) => bytes + needIn(each, streams).residentBytes, 0);
  const bySize = candidates.toSorted((a, b) => b.warm.residentBytes - a.warm.residentBytes);
  for (const { name, stream, streaming } of bySize) {
    if (sum() <= limits.residentBytes) break;
    if (stream === "auto" && streaming) streams.set(name, true);
  }
  if (sum() > limits.residentBytes) throw tooLarge(candidates, sum(), limits.residentBytes);
  for (const each of candidates) {
    const { activationBytes } = needIn(each, streams);
    if (activationBytes > limits.activationBytes) throw tooMuchAtOnce(each.name, activationBytes, limits);
  }
  return streams;
}

const needIn = (candidate: Candidate, streams: ReadonlyMap<string, boolean>): StageNeed =>
  (streams.get(candidate.name) && candidate.streaming) || candidate.warm;

function tooLarge(candidates: readonly Candidate[], needed: number, limit: number): SightlineError {
  const names = candidates.map(({ name }) => name).join(" and ");
  const message = `${names} need${candidates.length === 1 ? "s" : ""} ${formatBytes(needed)}, there are ${formatBytes(Math.max(0, limit))}`;
  return new SightlineError("ERR_MODEL_BUDGET", message);
}

const tooMuchAtOnce = (name: string, needed: number, { activationBytes }: Limits): SightlineError =>
  new SightlineError(
    "ERR_MODEL_BUDGET",
    `a run of ${name} needs ${formatBytes(needed)} for tensors, \`engine.activation_budget\` is ${formatBytes(activationBytes)}`,
  );
