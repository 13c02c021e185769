import { copyModel } from "../../../models/onnx/copy-model.ts";
import { Graph, makeNode } from "../../../models/onnx/graph.ts";
import type { ModelProto } from "../../../models/onnx/proto/onnx_pb.js";
import { encodeModel } from "../../../models/onnx/write-model.ts";
import type { ExecutionProvider, Session } from "../../../runtime/session/execution-provider.ts";
import { floats, type NamedTensors } from "../../../runtime/tensor/tensor.ts";
import { withOutputs } from "../../passes/with-outputs.ts";

/** What the values seen in one run may take; more tensors are seen in further runs of the same image. */
const MAX_BYTES = 64 * 2 ** 20;

/** Runs a model on one input after the other and shows what tensors inside it hold. */
export class Observer {
  readonly #provider: ExecutionProvider;
  readonly #model: ModelProto;
  #groups: { session: Session; last?: Results }[] = [];
  /** Those of the tensors that are the model's inputs. */
  #fed: string[] = [];

  /** `model` is prepared (see `prepareFloat`). */
  constructor(provider: ExecutionProvider, model: ModelProto) {
    this.#provider = provider;
    this.#model = model;
  }

  /** `first` tells how large the tensors are. Errors: ERR_MODEL_LOAD, ERR_SESSION_RUN. */
  async open(names: readonly string[], first: NamedTensors): Promise<void> {
    const inside = names.filter((name) => first[name] === undefined);
    this.#fed = names.filter((name) => first[name] !== undefined);
    if (inside.length === 0) return;
    const sizes = await tensorSizes(this.#provider, this.#model, inside, first);
    for (const group of grouped(inside, sizes)) {
      const model = encodeModel(withOutputs(this.#model, group));
      this.#groups.push({ session: await this.#provider.load(model, { optimization: "basic" }) });
    }
  }

  /** Calls `see` with each tensor's values; they are overwritten by the next input. Errors: ERR_SESSION_RUN. */
  async run(
    feeds: NamedTensors,
    see: (name: string, values: Float32Array, dims: readonly number[]) => void,
  ): Promise<void> {
    for (const name of this.#fed) see(name, floats(feeds[name], name), feeds[name]?.dims ?? []);
    for (const group of this.#groups) {
      const wanted = only(feeds, group.session);
      // Into the memory of the last run while inputs have one size: so memory does not grow with their number.
      const outputs = group.last && sameShapes(wanted, group.last.feeds) ? group.last.results : undefined;
      const results = await group.session.run(0, wanted, outputs && { outputs });
      group.last = { feeds: wanted, results: reusable(results, group.session) };
      for (const [name, tensor] of Object.entries(results)) see(name, floats(tensor, name), tensor.dims);
    }
  }

  async close(): Promise<void> {
    for (const { session } of this.#groups) await session.unload();
    this.#groups = [];
  }
}

/** Where ONNX Runtime cannot infer a tensor's rank it says 0, and takes no memory of any other. */
const reusable = (results: NamedTensors, { outputs }: Session): NamedTensors =>
  Object.fromEntries(
    outputs.flatMap(({ name, dims }) => {
      const result = results[name];
      return result?.dims.length === dims.length ? [[name, result]] : [];
    }),
  );

interface Results {
  feeds: NamedTensors;
  results: NamedTensors;
}

/** Of each tensor when the model runs on `feeds`; only shapes leave the model, so it takes no memory. */
async function tensorSizes(
  provider: ExecutionProvider,
  model: ModelProto,
  names: readonly string[],
  feeds: NamedTensors,
): Promise<Map<string, number>> {
  const copy = copyModel(model);
  const graph = new Graph(copy);
  const shapes = new Map(names.map((name) => [graph.uniqueName(`${name}_shape`), name]));
  for (const [shape, name] of shapes)
    graph.add(makeNode("Shape", { name: shape, inputs: [name], outputs: [shape] }));
  const session = await provider.load(encodeModel(withOutputs(copy, [...shapes.keys()])), {
    optimization: "basic",
  });
  try {
    const results = await session.run(0, only(feeds, session));
    return new Map(
      [...shapes].map(([shape, name]) => [
        name,
        Array.from(results[shape]?.data ?? [], Number).reduce((n, d) => n * d, 4),
      ]),
    );
  } finally {
    await session.unload();
  }
}

function grouped(names: readonly string[], sizes: ReadonlyMap<string, number>): string[][] {
  const groups: string[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const size = sizes.get(name) ?? 0;
    if (bytes + size > MAX_BYTES) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(name);
    bytes += size;
  }
  return groups;
}

/** A part of a model may not need all of its inputs. */
function only(feeds: NamedTensors, { inputs }: Session): NamedTensors {
  const entries = inputs.map(({ name }) => [name, feeds[name]] as const);
  return Object.fromEntries(entries.filter(([, tensor]) => tensor !== undefined)) as NamedTensors;
}

const sameShapes = (a: NamedTensors, b: NamedTensors): boolean =>
  Object.entries(a).every(([name, { dims }]) => dims.join() === b[name]?.dims.join());
