import { int, ints, tensorAttribute } from "../../models/onnx/attributes.ts";
import { readsOf } from "../../models/onnx/graph.ts";
import type { GraphProto, NodeProto, TensorProto, ValueInfoProto } from "../../models/onnx/proto/onnx_pb.js";
import { DataType, integersOf } from "../../models/onnx/tensor.ts";

/** Their result has the shape of their inputs, or of the longest of them. */
const ELEMENTWISE = new Set(
  `Add BatchNormalization Cast Clip Div Dropout Elu Erf Exp Gelu HardSigmoid HardSwish Identity LeakyRelu Log MatMul
  Mul Neg PRelu Pow Relu Sigmoid Softplus Sqrt Sub Tanh`.split(/\s+/),
);

/** As many axes as their first input. */
const SAME_RANK = new Set(
  `AveragePool Concat Conv ConvTranspose GlobalAveragePool GlobalMaxPool InstanceNormalization LRN MaxPool Pad Resize
  Slice Softmax Transpose`.split(/\s+/),
);

/** How far back to look: a chain of ten thousand nodes must not exhaust the stack. */
const MAX_STEPS = 500;

const RESULT_TYPES: Readonly<Record<string, number>> = {
  ArgMax: DataType.INT64,
  ArgMin: DataType.INT64,
  NonZero: DataType.INT64,
  Shape: DataType.INT64,
  Size: DataType.INT64,
};

/**
 * What can be said of a graph's tensors without inferring every shape: constants, and where the model declares it or
 * it is plain, rank and type. Names are looked up in the graph, then in what is around it.
 */
export class TensorHints {
  readonly #outer: TensorHints | undefined;
  readonly #constants = new Map<string, TensorProto>();
  readonly #declared = new Map<string, ValueInfoProto>();
  readonly #producers = new Map<string, NodeProto>();
  readonly #reads = new Set<string>();
  readonly #ranks = new Map<string, number | undefined>();

  constructor(graph: GraphProto, outer?: TensorHints) {
    this.#outer = outer;
    for (const value of [...graph.input, ...graph.valueInfo, ...graph.output])
      this.#declared.set(value.name, value);
    for (const { name } of graph.output) this.#reads.add(name);
    for (const node of graph.node) {
      for (const name of readsOf(node)) this.#reads.add(name);
      for (const name of node.output) this.#producers.set(name, node);
      const value = node.opType === "Constant" ? tensorAttribute(node, "value") : undefined;
      if (value) this.#constants.set(node.output[0] ?? "", value);
    }
    for (const tensor of graph.initializer) this.#constants.set(tensor.name, tensor);
  }

  /** Values of an initializer or a Constant. */
  constantOf(name: string | undefined): TensorProto | undefined {
    if (!name) return undefined;
    return this.#constants.get(name) ?? (this.#knows(name) ? undefined : this.#outer?.constantOf(name));
  }

  /** Whether a node here or in a subgraph, or a caller, reads it. */
  isRead(name: string): boolean {
    return this.#reads.has(name);
  }

  /** Makes a tensor that was added known. */
  addConstant(tensor: TensorProto): void {
    this.#constants.set(tensor.name, tensor);
  }

  /** Number of axes, where that is certain within `MAX_STEPS` nodes. */
  rankOf(name: string | undefined, steps = 0): number | undefined {
    if (!name || steps > MAX_STEPS) return undefined;
    if (!this.#ranks.has(name)) {
      this.#ranks.set(name, undefined);
      this.#ranks.set(name, this.#findRank(name, steps + 1));
    }
    return this.#ranks.get(name);
  }

  /** Element type by ONNX's number, where the model says it or the first inputs lead to it. */
  typeOf(name: string | undefined, steps = 0): number | undefined {
    if (!name || steps > MAX_STEPS) return undefined;
    const declared = this.#constants.get(name)?.dataType ?? tensorType(this.#declared.get(name))?.elemType;
    if (declared) return declared;
    const producer = this.#producers.get(name);
    if (producer === undefined) return this.#outer?.typeOf(name);
    return RESULT_TYPES[producer.opType] ?? int(producer, "to") ?? this.typeOf(producer.input[0], steps + 1);
  }

  #knows(name: string): boolean {
    return this.#producers.has(name) || this.#declared.has(name);
  }

  #findRank(name: string, steps: number): number | undefined {
    const constant = this.constantOf(name);
    if (constant) return constant.dims.length;
    const declared = tensorType(this.#declared.get(name))?.shape?.dim.length;
    if (declared !== undefined) return declared;
    const producer = this.#producers.get(name);
    return producer ? this.#rankOfResult(producer, steps) : this.#outer?.rankOf(name);
  }

  #rankOfResult(node: NodeProto, steps: number): number | undefined {
    const { opType, input } = node;
    if (opType === "Flatten" || opType === "Gemm") return 2;
    if (opType === "Transpose" && ints(node, "perm")) return ints(node, "perm")?.length;
    if (opType === "Reshape") return this.#lengthOfShape(input[1]);
    if (SAME_RANK.has(opType)) return this.rankOf(input[0], steps);
    if (!ELEMENTWISE.has(opType)) return undefined;
    const ranks = input.filter((name) => name !== "").map((other) => this.rankOf(other, steps) ?? Number.NaN);
    const longest = Math.max(...ranks);
    return Number.isNaN(longest) ? undefined : longest;
  }

  #lengthOfShape(name: string | undefined): number | undefined {
    const shape = this.constantOf(name);
    return shape && integersOf(shape).length;
  }
}

function tensorType(value: ValueInfoProto | undefined) {
  const type = value?.type?.value;
  return type?.case === "tensorType" ? type.value : undefined;
}
