import { type Bundle, openBundle, type StageFile } from "../../models/bundle/bundle.ts";
import { machineTargets } from "../../models/bundle/targets.ts";
import { cpuFeatures, type Kernels } from "../arm-neon/index.ts";
import type { Clock } from "../base/clock.ts";
import { SightlineError } from "../base/errors.ts";
import { Scheduler } from "../scheduler/scheduler.ts";
import type { ExecutionProvider } from "../session/execution-provider.ts";
import { BufferPool } from "../tensor/buffer-pool.ts";
import type { NamedTensors } from "../tensor/tensor.ts";
import { FrameLayout, type FrameTensors } from "./frame-tensors.ts";
import { checkSignature } from "./model-signature.ts";
import { VisionModel } from "./vision-model.ts";

export interface OpenModelOptions {
  /** The bundle's folder. */
  folder: string;
  /** The bundle's variant of this name; left out: the best for this machine. */
  variant?: string | undefined;
  /** A run that takes longer is cancelled with ERR_SESSION_TIMEOUT. */
  runLimitMs: number;
  /** Frames of all pipelines between capture and decision at once; sizes queue and input buffers. */
  inFlight: number;
}

export interface OpenModel {
  model: VisionModel;
  /** Makes room for as many frames in flight; what is there stays. */
  reserve(inFlight: number): void;
  /** Gives the model's memory back. */
  close(): Promise<void>;
}

/** From a verified bundle to a model that takes pictures. Errors: ERR_MODEL_*. */
export async function openModel(
  deps: { provider: ExecutionProvider; kernels: Kernels; clock: Clock },
  options: OpenModelOptions,
): Promise<OpenModel> {
  const bundle = await openBundle(options.folder, {
    targets: machineTargets(process.arch, cpuFeatures()),
    variant: options.variant,
  });
  const stage = onlyStage(bundle);
  const session = await deps.provider.load(stage.path);
  try {
    checkSignature(bundle, session);
  } catch (error) {
    await session.unload();
    throw error;
  }
  const { manifest } = bundle;
  const scheduler = new Scheduler<FrameTensors, NamedTensors>(deps, {
    instances: Array.from({ length: deps.provider.slots }, (_, slot) => ({
      run: (batch) =>
        Promise.all(
          batch.map(({ feeds, outputs }) =>
            session.run(slot, feeds, { outputs, timeLimitMs: options.runLimitMs }),
          ),
        ),
    })),
    queueSize: options.inFlight,
    maxBatch: 1,
  });
  const layout = new FrameLayout(manifest.input, session.outputs);
  const pool = new BufferPool({ buffers: options.inFlight, bufferBytes: layout.bytes });
  pool.start();
  const model = new VisionModel(
    { clock: deps.clock, kernels: deps.kernels, scheduler, pool, layout },
    {
      name: manifest.name,
      version: manifest.version,
      sha256: stage.sha256,
      input: manifest.input,
      decoder: manifest.decoder,
      labels: bundle.labels,
    },
  );
  const close = async () => {
    await session.unload();
    pool.stop();
  };
  const reserve = (inFlight: number) => {
    pool.reserve(inFlight);
    scheduler.reserve(inFlight);
  };
  return { model, reserve, close };
}

/** Models in several stages wait for the loader that streams them. */
function onlyStage({ folder, stages }: Bundle): StageFile {
  const [stage] = stages;
  if (stage && stages.length === 1) return stage;
  throw new SightlineError("ERR_MODEL_MANIFEST", `${folder}: ${stages.length} stages, 1 is supported`);
}
