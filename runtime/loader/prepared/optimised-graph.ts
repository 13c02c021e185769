import { rm } from "node:fs/promises";
import { join } from "node:path";
import { withElementType, withMoreOutputs, withRank } from "../../../models/onnx/derive.ts";
import { Graph, readsOf } from "../../../models/onnx/graph.ts";
import type { ModelProto, TensorProto, ValueInfoProto } from "../../../models/onnx/proto/onnx_pb.js";
import { readStructure } from "../../../models/onnx/read-model.ts";
import { encodeModel, withPlaces } from "../../../models/onnx/write-model.ts";
import type { MappedTensor } from "../../session/execution-provider.ts";
import { structureBytesOf, WEIGHTS_FILE } from "./prepared-model.ts";
import { planSlices, type Slice, sliceModel } from "./slices.ts";
import { copyWeights, isMappable, placeTensors } from "./weights-file.ts";

/** What ONNX Runtime is asked to write. */
export const OPTIMISED_FILE = "raw.onnx";
export const OPTIMISED_WEIGHTS = "raw.weights";

/** Smaller models come into memory whole. */
const MIN_SLICED_BYTES = 8 * 2 ** 20;
/** Two of them are in memory at a time: a sixteenth each lets a model run in an eighth of its weights. */
const SLICES = 16;

/** A graph for a file, and where in the weights its tensors lie. */
export interface Part {
  graph: Uint8Array;
  tensors: readonly MappedTensor[];
  inputs: readonly string[];
  outputs: readonly string[];
  structureBytes: number;
}

/** The graph that ONNX Runtime optimised for this machine, cut into slices of weights. */
export class OptimisedGraph {
  readonly slices: readonly Slice[];
  readonly #folder: string;
  readonly #model: ModelProto;
  /** As they were written. */
  readonly #tensors: readonly TensorProto[];
  readonly #places: ReadonlyMap<string, MappedTensor>;

  private constructor(folder: string, model: ModelProto) {
    const groups = inSlices(model);
    const tensors = groups.map(({ nodes }) =>
      mappableOf(model, new Set(nodes.flatMap((n) => [...readsOf(n)]))),
    );
    this.#folder = folder;
    this.#tensors = model.graph?.initializer ?? [];
    this.#places = placeTensors(tensors);
    this.#model = withPlaces(model, WEIGHTS_FILE, this.#places);
    this.slices = groups.length > 1 ? groups : [];
  }

  /** Reads what was written to `folder`. */
  static async read(folder: string): Promise<OptimisedGraph> {
    const model = await readStructure(join(folder, OPTIMISED_FILE));
    new Graph(model).sort();
    return new OptimisedGraph(folder, model);
  }

  /** Names of tensors that one slice makes and another reads. */
  get crossing(): string[] {
    const own = new Set(new Graph(this.#model).outputs);
    return [...new Set(this.slices.flatMap(({ outputs }) => outputs))].filter((name) => !own.has(name));
  }

  /** Writes the weights in our order and deletes what they came from; undefined when there are none to map. */
  async moveWeights(): Promise<{ bytes: number; sha256: string } | undefined> {
    const from = { folder: this.#folder, tensors: this.#tensors };
    const to = join(this.#folder, WEIGHTS_FILE);
    const written = this.#places.size > 0 ? await copyWeights(from, to, this.#places) : undefined;
    for (const file of [OPTIMISED_FILE, OPTIMISED_WEIGHTS])
      await rm(join(this.#folder, file), { force: true });
    return written;
  }

  whole(): Part {
    const { inputs, outputs } = new Graph(this.#model);
    return this.#part(this.#model, { inputs, outputs });
  }

  /** The whole graph with every crossing tensor among its outputs, to see of which type and rank they are. */
  watched(): Part {
    const model = withMoreOutputs(this.#model, this.crossing);
    const { inputs, outputs } = new Graph(model);
    return this.#part(model, { inputs, outputs });
  }

  /** `seen` holds a value of each crossing tensor, with ONNX's number of its type. */
  slice(slice: Slice, seen: ReadonlyMap<string, { type: number; rank: number }>): Part {
    const { input = [], output = [] } = this.#model.graph ?? {};
    const written = new Map([...input, ...output].map((info) => [info.name, info]));
    const infoOf = (name: string): ValueInfoProto => {
      const { rank, type } = seen.get(name) ?? { rank: 0, type: 0 };
      return written.get(name) ?? withRank(withElementType({ name }, type), rank);
    };
    return this.#part(sliceModel(this.#model, slice, infoOf), slice);
  }

  #part(model: ModelProto, { inputs, outputs }: Pick<Part, "inputs" | "outputs">): Part {
    const tensors = (model.graph?.initializer ?? []).flatMap(({ name }) => this.#places.get(name) ?? []);
    const graph = encodeModel(model);
    const structureBytes = structureBytesOf({ nodes: model.graph?.node.length ?? 0, bytes: graph.length });
    return { graph, tensors, inputs: [...inputs], outputs: [...outputs], structureBytes };
  }
}

function inSlices(model: ModelProto): Slice[] {
  const bytes = [...placeTensors([mappableOf(model)]).values()].reduce(
    (sum, tensor) => sum + tensor.bytes,
    0,
  );
  const sliceBytes = bytes < MIN_SLICED_BYTES ? Number.POSITIVE_INFINITY : bytes / SLICES;
  return planSlices(model, sliceBytes);
}

/** Tensors that can be mapped, of those that are read; in the order in which nodes read them, as files are read so. */
function mappableOf(model: ModelProto, reads?: ReadonlySet<string>): TensorProto[] {
  const initializers = new Map((model.graph?.initializer ?? []).map((tensor) => [tensor.name, tensor]));
  const names = reads ?? initializers.keys();
  return [...names].flatMap((name) => initializers.get(name) ?? []).filter(isMappable);
}
