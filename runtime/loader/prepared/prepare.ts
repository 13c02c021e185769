import { createHash } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { StageFile } from "../../../models/bundle/bundle.ts";
import { readVerified } from "../../../models/bundle/files.ts";
import { SightlineError } from "../../base/errors.ts";
import type { ExecutionProvider, WeightsFile } from "../../session/execution-provider.ts";
import type { NamedTensors, Tensor } from "../../tensor/tensor.ts";
import { chooseStore, measureSlices } from "./measure.ts";
import { openPiece, type PieceContext } from "./open-pieces.ts";
import { OPTIMISED_FILE, OPTIMISED_WEIGHTS, OptimisedGraph, type Part } from "./optimised-graph.ts";
import {
  identityOfFile,
  type Piece,
  PREPARED_FILE,
  type PreparedModel,
  WEIGHTS_FILE,
} from "./prepared-model.ts";

export interface PrepareOptions {
  /** Where it comes to stand; what is there is replaced. */
  folder: string;
  /** Says in the flight record what is being opened. */
  label: string;
  /** What the stage is run with to see what it takes; others than its inputs are left out. */
  feeds: NamedTensors;
  signal?: AbortSignal | undefined;
}

/**
 * Makes a stage of a bundle ready for this machine: ONNX Runtime optimises its graph once, its weights are laid out
 * in the order in which they are read, and the graph is cut into slices that can be brought into memory one by one.
 * It takes the memory that the stage needs when it is opened the usual way. Errors: those of `load` and `run`,
 * ERR_MODEL_CACHE when it cannot be written.
 */
export async function prepare(
  provider: ExecutionProvider,
  stage: StageFile,
  options: PrepareOptions,
): Promise<PreparedModel> {
  const place = `${options.folder}.${process.pid}.part`;
  try {
    await rm(place, { recursive: true, force: true });
    await mkdir(place, { recursive: true });
    const inputs = await optimise(provider, stage, place, options);
    const feeds = Object.fromEntries(Object.entries(options.feeds).filter(([name]) => inputs.includes(name)));
    const prepared = await layOut(provider, place, { ...options, feeds });
    await writeFile(join(place, PREPARED_FILE), JSON.stringify(prepared), { flush: true });
    await rm(options.folder, { recursive: true, force: true });
    await rename(place, options.folder);
    return prepared;
  } catch (error) {
    throw SightlineError.wrap("ERR_MODEL_CACHE", error, options.folder);
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

async function optimise(
  provider: ExecutionProvider,
  stage: StageFile,
  place: string,
  { label, signal }: PrepareOptions,
): Promise<string[]> {
  const session = await provider.load(await readVerified(stage), {
    label,
    optimizedPath: join(place, OPTIMISED_FILE),
    entries: {
      "session.model_external_initializers_file_folder_path": dirname(stage.path),
      "session.optimized_model_external_initializers_file_name": OPTIMISED_WEIGHTS,
      "session.optimized_model_external_initializers_min_size_in_bytes": "1024",
    },
    ...(signal && { signal }),
  });
  const inputs = session.inputs.map(({ name }) => name);
  await session.unload();
  return inputs;
}

async function layOut(
  provider: ExecutionProvider,
  place: string,
  { feeds, label, signal }: PrepareOptions,
): Promise<PreparedModel> {
  const graph = await OptimisedGraph.read(place);
  const written = await graph.moveWeights();
  const path = join(place, WEIGHTS_FILE);
  const file = written && (await provider.map(path));
  try {
    const context = { provider, folder: place, file, label, signal };
    const whole = await writePart(place, "whole.onnx", graph.whole());
    const stored = await chooseStore(context, whole, feeds);
    const slices = await writeSlices(context, graph, feeds);
    const cost = await measureSlices(context, stored, { whole, slices, feeds });
    const weights = written && { ...written, identity: await identityOfFile(path), madeAtMs: Date.now() };
    return {
      version: 2,
      prepack: stored.prepack,
      whole,
      slices: cost ? slices : [],
      ...(weights && { weights }),
      cost: { whole: stored.cost, slices: cost ?? stored.cost },
    };
  } finally {
    file?.close();
  }
}

async function writePart(folder: string, file: string, { graph, ...rest }: Part): Promise<Piece> {
  await writeFile(join(folder, file), graph, { flush: true });
  return { file, sha256: createHash("sha256").update(graph).digest("hex"), ...rest };
}

/** None where a tensor that crosses a cut is of a type that cannot be handed on. */
async function writeSlices(
  context: PieceContext & { file: WeightsFile | undefined },
  graph: OptimisedGraph,
  feeds: NamedTensors,
): Promise<Piece[]> {
  if (graph.slices.length === 0) return [];
  const crossing = await look(context, graph, feeds);
  if (!crossing) return [];
  const seen = new Map(Object.entries(crossing).map(([name, tensor]) => [name, kindOf(tensor)]));
  return Promise.all(
    graph.slices.map((slice, i) => writePart(context.folder, `slice-${i}.onnx`, graph.slice(slice, seen))),
  );
}

async function look(
  context: PieceContext,
  graph: OptimisedGraph,
  feeds: NamedTensors,
): Promise<NamedTensors | undefined> {
  const piece = await writePart(context.folder, "watched.onnx", graph.watched());
  try {
    const session = await openPiece(context, piece, false);
    try {
      return await session.run(0, feeds);
    } finally {
      await session.unload();
    }
  } catch (error) {
    if (error instanceof SightlineError && error.code === "ERR_MODEL_IO") return undefined;
    throw error;
  } finally {
    await rm(join(context.folder, piece.file), { force: true });
  }
}

/** ONNX's numbers of the types that tensors of ours can have. */
const ONNX_TYPE: Record<Tensor["dtype"], number> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
};

const kindOf = ({ dims, dtype }: Tensor) => ({ type: ONNX_TYPE[dtype], rank: dims.length });
