import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withGraph, withMoreOutputs, withRank } from "../../models/onnx/derive.ts";
import { makeNode } from "../../models/onnx/graph.ts";
import type { ModelProto, ValueInfoProto } from "../../models/onnx/proto/onnx_pb.js";
import { readModel } from "../../models/onnx/read-model.ts";
import { encodeModel } from "../../models/onnx/write-model.ts";
import type { ExecutionProvider } from "../../runtime/session/execution-provider.ts";
import { byteCount, type DType, type NamedTensors } from "../../runtime/tensor/tensor.ts";

/** A tensor as a run had it. */
export interface MeasuredTensor {
  dtype: DType;
  /** Of this run. */
  dims: readonly number[];
  bytes: number;
  /** What holds in every run, with the names of open dimensions: two of one name are equal. */
  info: ValueInfoProto;
}

/** By the tensor's name. */
export type Shapes = ReadonlyMap<string, MeasuredTensor>;

/**
 * Every tensor of the model's main graph, from one run that ONNX Runtime does not optimise: it knows the shapes that
 * all its operators make, so that nobody has to write them down again.
 * Errors: ERR_MODEL_LOAD, ERR_MODEL_IO (a tensor is of a type that Sightline does not run), ERR_SESSION_RUN.
 */
export async function measureShapes(
  provider: ExecutionProvider,
  model: ModelProto,
  feeds: NamedTensors,
): Promise<Shapes> {
  const folder = await mkdtemp(join(tmpdir(), "sightline-shapes-"));
  try {
    const optimizedPath = join(folder, "typed.onnx");
    const tensors = await runAll(provider, model, feeds, optimizedPath);
    const { graph } = await readModel(optimizedPath);
    const infos = [...(graph?.input ?? []), ...(graph?.output ?? [])];
    return new Map(infos.flatMap((info) => measured(info, tensors)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runAll(
  provider: ExecutionProvider,
  model: ModelProto,
  feeds: NamedTensors,
  optimizedPath: string,
): Promise<NamedTensors> {
  const made = (model.graph?.node ?? []).flatMap(({ output }) => output.filter((name) => name !== ""));
  const whole = encodeModel(withMoreOutputs(withIdleNodes(model), [...made, "idle_out"]));
  const session = await provider.load(whole, { optimization: "basic", optimizedPath });
  try {
    return { ...feeds, ...(await session.run(0, feeds)) };
  } finally {
    await session.unload();
  }
}

/** ONNX Runtime writes down what it found out of a model only when it has changed something: this it can leave out. */
function withIdleNodes(model: ModelProto): ModelProto {
  const [output] = model.graph?.output ?? [];
  const idle = makeNode("Identity", { name: "idle", inputs: [output?.name ?? ""], outputs: ["idle"] });
  const still = makeNode("Identity", { name: "still_idle", inputs: ["idle"], outputs: ["idle_out"] });
  return withGraph(model, { node: [...(model.graph?.node ?? []), idle, still] });
}

function measured(info: ValueInfoProto, tensors: NamedTensors): [string, MeasuredTensor][] {
  const tensor = tensors[info.name];
  if (tensor === undefined) return [];
  const { dtype, dims } = tensor;
  return [[info.name, { dtype, dims, bytes: byteCount(dtype, dims), info: withRank(info, dims.length) }]];
}
