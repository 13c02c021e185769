import { SightlineError } from "../base/errors.ts";
import { formatBytes } from "../base/units.ts";
import { peakOf, type RunNeed } from "./run-need.ts";

export type StreamPolicy = "auto" | "always" | "never";

/** A model that is to be in memory together with others. */
export interface PlannedModel {
  name: string;
  stream: StreamPolicy;
  warm: ModelNeed;
  /** Undefined when it cannot be divided into slices. */
  streaming: ModelNeed | undefined;
}

/** What a model takes while it is open. */
export interface ModelNeed extends RunNeed {
  /** Weights in memory and what its sessions hold besides. */
  residentBytes: number;
}

export interface Limits {
  /** What these models may have. */
  residentBytes: number;
  /** What all runs may have at once, on so many slots. */
  activationBytes: number;
  slots: number;
  /** Runs of models that stay, whatever these do. */
  beside: readonly RunNeed[];
}

/**
 * Which of the models stream, so that all are in memory at once: as few as possible, the largest first.
 * Errors: ERR_MODEL_BUDGET, with what is needed and what there is.
 */
export function planModes(models: readonly PlannedModel[], limits: Limits): Map<string, boolean> {
  const streams = new Map(
    models.map(({ name, stream, streaming }) => [name, stream === "always" && !!streaming]),
  );
  const sum = () => models.reduce((bytes, each) => bytes + needIn(each, streams).residentBytes, 0);
  const bySize = models.toSorted((a, b) => b.warm.residentBytes - a.warm.residentBytes);
  for (const { name, stream, streaming } of bySize) {
    if (sum() <= limits.residentBytes) break;
    if (stream === "auto" && streaming) streams.set(name, true);
  }
  if (sum() > limits.residentBytes) throw tooLarge(models, sum(), limits.residentBytes);
  const runs = models.map((each) => needIn(each, streams));
  const peakBytes = peakOf([...limits.beside, ...runs], limits.slots);
  if (peakBytes > limits.activationBytes) throw tooMuchAtOnce(models, peakBytes, limits);
  return streams;
}

const needIn = (planned: PlannedModel, streams: ReadonlyMap<string, boolean>): ModelNeed =>
  (streams.get(planned.name) && planned.streaming) || planned.warm;

function tooLarge(models: readonly PlannedModel[], needed: number, limit: number): SightlineError {
  const message = `${need(models)} ${formatBytes(needed)}, there are ${formatBytes(Math.max(0, limit))}`;
  return new SightlineError("ERR_MODEL_BUDGET", message);
}

function tooMuchAtOnce(
  models: readonly PlannedModel[],
  needed: number,
  { activationBytes }: Limits,
): SightlineError {
  const message = `${need(models)} ${formatBytes(needed)} for the tensors of all runs that may be under way at once, \`engine.activation_budget\` is ${formatBytes(activationBytes)}`;
  const hint =
    "Raise engine.activation_budget, or set fewer `instances` or a smaller `max_batch` for the model.";
  return new SightlineError("ERR_MODEL_BUDGET", message, { hint });
}

const need = (models: readonly PlannedModel[]): string =>
  `${models.map(({ name }) => name).join(" and ")} need${models.length === 1 ? "s" : ""}`;
