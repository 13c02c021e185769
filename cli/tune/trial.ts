import { type Bundle, openBundle } from "../../models/bundle/bundle.ts";
import { inputDims } from "../../models/bundle/input-dims.ts";
import { machineTargets } from "../../models/bundle/targets.ts";
import { cpuFeatures } from "../../runtime/native/index.ts";
import { loadStages } from "../../runtime/pipeline/open-model.ts";
import { CpuExecutionProvider } from "../../runtime/session/cpu-provider.ts";
import type { Session } from "../../runtime/session/execution-provider.ts";
import { randomFeeds } from "../../runtime/tensor/random-feeds.ts";
import { isStackable } from "../../runtime/tensor/stack.ts";
import type { NamedTensors } from "../../runtime/tensor/tensor.ts";

/** Settings with which a model is measured. */
export interface Trial {
  variant: string;
  /** Runs at the same time. */
  instances: number;
  /** Threads of each run. */
  threads: number;
  /** Frames in each run. */
  batch: number;
}

/** A model that is opened for one division of the cores and can be measured with several batch sizes. */
export interface OpenTrial {
  trial: Omit<Trial, "batch">;
  batches: readonly number[];
  feedsOf(batch: number): NamedTensors;
  session: Session;
  close(): Promise<void>;
}

const BATCHES = [1, 2, 4, 8];
const SEED = 1;

/**
 * The even divisions of `cores`, from a single run that uses all of them to one run per core. With `threads`, the one
 * division into runs of that many threads.
 */
export function coreDivisions(cores: number, threads?: number): { instances: number; threads: number }[] {
  if (threads !== undefined) return [{ instances: Math.max(1, Math.floor(cores / threads)), threads }];
  const counts = Array.from({ length: cores }, (_, i) => i + 1).filter((n) => cores % n === 0);
  return counts.map((instances) => ({ instances, threads: cores / instances }));
}

/** The names of the bundle's variants that this machine can run, the preferred one first. */
export async function variantsOf(folder: string, only: string | undefined): Promise<string[]> {
  const targets = machineTargets(process.arch, cpuFeatures());
  const best = await openBundle(folder, { variant: only, targets });
  if (only !== undefined) return [only];
  const { variants } = best.manifest;
  const runnable = variants.filter((each) =>
    each.targets.some((target) => targets.some((ours) => ours === target)),
  );
  const others = runnable.map(({ name }) => name).filter((name) => name !== best.variant.name);
  return [best.variant.name, ...others];
}

/** Errors: ERR_MODEL_*. */
export async function openTrial(folder: string, trial: Omit<Trial, "batch">): Promise<OpenTrial> {
  const targets = machineTargets(process.arch, cpuFeatures());
  const bundle = await openBundle(folder, { variant: trial.variant, targets });
  const provider = new CpuExecutionProvider({ slots: trial.instances, intraOpThreads: trial.threads });
  provider.start();
  try {
    const session = await loadStages(provider, bundle);
    const canStack = bundle.stages.length === 1 && isStackable(session);
    const feedsOf = (batch: number) => feeds(bundle, batch);
    return { trial, batches: canStack ? BATCHES : [1], feedsOf, session, close: () => provider.close() };
  } catch (error) {
    await provider.close();
    throw error;
  }
}

function feeds({ manifest: { input } }: Bundle, batch: number): NamedTensors {
  const dims = [batch, ...inputDims(input).slice(1)];
  return randomFeeds([{ name: input.name, dtype: input.dtype, dims }], {}, SEED);
}
