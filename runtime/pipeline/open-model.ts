import { dirname } from "node:path";
import { type Bundle, openBundle } from "../../models/bundle/bundle.ts";
import { readVerified } from "../../models/bundle/files.ts";
import { inputDims } from "../../models/bundle/input-dims.ts";
import { outputNames } from "../../models/bundle/output-names.ts";
import { machineTargets } from "../../models/bundle/targets.ts";
import type { Clock } from "../base/clock.ts";
import { trustedKeys } from "../loader/bundle-reader.ts";
import type { ModelDescription } from "../loader/model-status.ts";
import { digestOf } from "../loader/model-version.ts";
import { cpuFeatures, type Kernels } from "../native/index.ts";
import type { BatchRecord } from "../scheduler/batch-log.ts";
import { Scheduler, type SchedulerOptions } from "../scheduler/scheduler.ts";
import { Slots } from "../scheduler/slots.ts";
import { loadChain } from "../session/chain-session.ts";
import type { ExecutionProvider, Session } from "../session/execution-provider.ts";
import { BufferPool } from "../tensor/buffer-pool.ts";
import { isStackable } from "../tensor/stack.ts";
import { ARRAY_OF, elementCount, type NamedTensors } from "../tensor/tensor.ts";
import { batchRuns, type ModelRun } from "./batch-runs.ts";
import { FrameLayout } from "./frame-tensors.ts";
import { checkSignature } from "./model-signature.ts";
import type { ModelInput } from "./preprocess.ts";
import { VisionModel } from "./vision-model.ts";

export interface OpenModelOptions {
  /** The bundle's folder. */
  folder: string;
  /** The bundle's variant of this name; left out: the best for this machine. */
  variant?: string | undefined;
  /** Folder with the public keys of whom a bundle may come from; left out: from anybody. */
  trust?: string | undefined;
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
  const { folder, trust, variant } = options;
  const bundle = await openBundle(folder, {
    variant,
    trusted: trust === undefined ? [] : await trustedKeys(trust),
    targets: machineTargets(process.arch, cpuFeatures()),
  });
  const session = await loadStages(deps.provider, bundle);
  try {
    const { slots } = deps.provider;
    const scheduling = { instances: slots, maxBatch: 1, weight: 1, whenFull: "reject" } as const;
    const { close, model, reserve } = buildModel(
      { ...deps, slots: new Slots(slots) },
      { bundle, session },
      { ...options, ...scheduling },
    );
    return {
      model,
      reserve,
      close: async () => {
        await session.unload();
        close();
      },
    };
  } catch (error) {
    await session.unload();
    throw error;
  }
}

/** How a model's requests are scheduled; see `SchedulerOptions`. */
export interface SchedulingOptions
  extends Pick<SchedulerOptions, "deadlineMs" | "hold" | "instances" | "maxBatch" | "weight" | "whenFull"> {
  /** Requests that may wait; left out: enough for all frames in flight, and for requests with tensors. */
  queueSize?: number | undefined;
}

export interface BuiltModel extends Omit<OpenModel, "close"> {
  session: Session;
  /** Requests that one run may take together. */
  maxBatch: number;
  /** Tensors in, tensors out, in the same queue as pictures. `feeds` fit the session's inputs. Errors: those of `Scheduler.submit`. */
  infer(feeds: NamedTensors): Promise<NamedTensors>;
  /** A first run, whose time is not counted: it brings the weights in and makes room for tensors. Errors: those of a run. */
  warmUp(): Promise<void>;
  /** Gives its buffers back; the session is somebody else's. */
  close(): void;
}

/** Runs that were asked for with tensors, besides those of pictures; one for each connection that the HTTP server takes. */
const TENSORS_WAITING_MAX = 128;

/** What pipelines use of a session: a queue before it, buffers, and what makes sense of its outputs. Errors: ERR_MODEL_IO. */
export function buildModel(
  deps: {
    slots: Slots;
    kernels: Kernels;
    clock: Clock;
    onBatch?: (record: Omit<BatchRecord, "model">) => void;
  },
  { bundle, session }: { bundle: Bundle; session: Session },
  {
    inFlight,
    runLimitMs,
    ...scheduling
  }: Pick<OpenModelOptions, "inFlight" | "runLimitMs"> & SchedulingOptions,
): BuiltModel {
  checkSignature(bundle, session);
  const { manifest, stages } = bundle;
  const maxBatch = batchLimit(scheduling.maxBatch, { ...specsOf(session), isWhole: stages.length === 1 });
  const mayStack = maxBatch > 1;
  const run = batchRuns(session, { mayStack, runLimitMs });
  const queueSize = (frames: number) => scheduling.queueSize ?? frames + TENSORS_WAITING_MAX;
  const scheduler = new Scheduler<ModelRun, NamedTensors>(
    { ...deps, run },
    { ...scheduling, maxBatch, queueSize: queueSize(inFlight) },
  );
  const layout = new FrameLayout(manifest.input, session.outputs);
  const pool = new BufferPool({ buffers: inFlight, bufferBytes: layout.bytes });
  pool.start();
  const model = new VisionModel(
    { clock: deps.clock, kernels: deps.kernels, scheduler, pool, layout },
    {
      name: manifest.name,
      version: manifest.version,
      sha256: digestOf(bundle),
      input: manifest.input,
      decoder: manifest.decoder,
      labels: bundle.labels,
    },
  );
  const reserve = (wanted: number) => {
    pool.reserve(wanted);
    scheduler.reserve(queueSize(wanted));
  };
  const warmUp = async () => {
    await deps.slots.once((slot) => session.run(slot, blankFeeds(manifest.input)));
  };
  const infer = async (feeds: NamedTensors) => (await scheduler.submit({ feeds })).output;
  return { model, session, maxBatch, infer, reserve, warmUp, close: () => pool.stop() };
}

/** Requests that one run of the model may take: more than one where all of its tensors have a dimension for them. */
export const batchLimit = (
  wanted: number,
  model: Pick<ModelDescription, "inputs" | "outputs" | "isWhole">,
): number => (model.isWhole && isStackable(model) ? wanted : 1);

const specsOf = ({ inputs, outputs }: Session) => ({ inputs, outputs });

function blankFeeds(input: ModelInput): NamedTensors {
  const dims = inputDims(input);
  const data = new ARRAY_OF[input.dtype](elementCount(dims));
  return { [input.name]: { dtype: input.dtype, dims, data } };
}

/**
 * A bundle's stages as one session. The very bytes that were verified are parsed; weights are mapped from beside the
 * graph, and only ever numbers. Errors: ERR_MODEL_*.
 */
export async function loadStages(
  provider: ExecutionProvider,
  { manifest, stages }: Bundle,
): Promise<Session> {
  const [{ path } = { path: "" }] = stages;
  const entries = { "session.model_external_initializers_file_folder_path": dirname(path) };
  return loadChain(
    provider,
    await Promise.all(stages.map(readVerified)),
    { entries },
    outputNames(manifest.decoder),
  );
}
