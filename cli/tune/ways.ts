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

/** One way to run a model. */
export interface Way {
  variant: string;
  /** Runs side by side, each with so many threads. */
  instances: number;
  threads: number;
  /** Frames of one run. */
  batch: number;
}

/** A model opened for one division of the cores. */
export interface Opened {
  way: Omit<Way, "batch">;
  batches: readonly number[];
  feedsOf(batch: number): NamedTensors;
  session: Session;
  close(): Promise<void>;
}

const BATCHES = [1, 2, 4, 8];
const SEED = 1;

/** Ways to divide `cores`, from one run at a time with all of them to as many runs as cores; only those with so many `threads`, where given. */
export function divisions(cores: number, threads?: number): { instances: number; threads: number }[] {
  if (threads !== undefined) return [{ instances: Math.max(1, Math.floor(cores / threads)), threads }];
  const counts = Array.from({ length: cores }, (_, i) => i + 1).filter((n) => cores % n === 0);
  return counts.map((instances) => ({ instances, threads: cores / instances }));
}

/** The names of the bundle's variants that this machine can run, the preferred first. */
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
export async function openWay(folder: string, way: Omit<Way, "batch">): Promise<Opened> {
  const targets = machineTargets(process.arch, cpuFeatures());
  const bundle = await openBundle(folder, { variant: way.variant, targets });
  const provider = new CpuExecutionProvider({ slots: way.instances, intraOpThreads: way.threads });
  provider.start();
  try {
    const session = await loadStages(provider, bundle);
    const canStack = bundle.stages.length === 1 && isStackable(session);
    const feedsOf = (batch: number) => feeds(bundle, batch);
    return { way, batches: canStack ? BATCHES : [1], feedsOf, session, close: () => provider.close() };
  } catch (error) {
    await provider.close();
    throw error;
  }
}

function feeds({ manifest: { input } }: Bundle, batch: number): NamedTensors {
  const dims = [batch, ...inputDims(input).slice(1)];
  return randomFeeds([{ name: input.name, dtype: input.dtype, dims }], {}, SEED);
}
