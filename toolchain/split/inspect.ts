import { copyModel } from "../../models/onnx/copy-model.ts";
import { elementType } from "../../models/onnx/element-types.ts";
import { sizeBytes } from "../../models/onnx/flow.ts";
import { Graph } from "../../models/onnx/graph.ts";
import type { ModelProto, NodeProto, ValueInfoProto } from "../../models/onnx/proto/onnx_pb.js";
import { elementCount } from "../../models/onnx/tensor.ts";
import { nodesOf, tensorsOf } from "../../models/onnx/walk.ts";
import { floatWeights } from "../passes/float-weights.ts";
import { float32 } from "../passes/float32.ts";
import { liftConstants } from "../passes/lift-constants.ts";
import { roleOf } from "../quantize/static/roles.ts";

/** What a model's file says. */
export interface Inspection {
  producer: string;
  irVersion: number;
  /** Versions of the operators; ONNX's own have the domain "". */
  opsets: { domain: string; version: number }[];
  inputs: Signature[];
  outputs: Signature[];
  /** The most frequent first, those of subgraphs among them. */
  operators: OperatorCount[];
  /** Elements of all constants. */
  parameters: number;
  weightBytes: number;
}

export interface Signature {
  name: string;
  /** As ONNX spells it, in small letters; "" where it is no tensor of numbers. */
  dtype: string;
  /** Sizes, names of open dimensions, and "?". */
  dims: (number | string)[];
}

export interface OperatorCount {
  operator: string;
  count: number;
  /** How many of them ONNX Runtime can run on 8-bit codes. */
  int8: number;
  /** Why not the others; "" where all can. */
  floatBecause: string;
}

/** Reads the model only, runs nothing. `model` has passed `checkModel`. */
export function inspectModel(model: ModelProto): Inspection {
  const graph = new Graph(model);
  const fed = new Set(graph.inputs);
  const tensors = tensorsOf(model);
  return {
    producer: [model.producerName, model.producerVersion].filter((text) => text !== "").join(" "),
    irVersion: Number(model.irVersion),
    opsets: model.opsetImport.map(({ domain, version }) => ({ domain, version: Number(version) })),
    inputs: graph.proto.input.filter(({ name }) => fed.has(name)).map(signature),
    outputs: graph.proto.output.map(signature),
    operators: countOperators(graph),
    parameters: sum(tensors.map(elementCount)),
    weightBytes: sum(tensors.map(sizeBytes)),
  };
}

function signature({ name, type }: ValueInfoProto): Signature {
  if (type?.value.case !== "tensorType") return { name, dtype: "", dims: [] };
  const { elemType, shape } = type.value.value;
  const dims = (shape?.dim ?? []).map(({ value }) =>
    value.case === "dimValue" ? Number(value.value) : value.value || "?",
  );
  return { name, dtype: elementType(elemType)?.name ?? "", dims };
}

function countOperators(graph: Graph): OperatorCount[] {
  const codes = nodesOnCodes(graph.model);
  const counts = [...Map.groupBy(nodesOf(graph.model), operatorOf)].map(([operator, nodes]) => {
    const floats = nodes.filter((node) => !codes.has(node.output[0] ?? ""));
    return {
      operator,
      count: nodes.length,
      int8: nodes.length - floats.length,
      floatBecause: floats[0] ? whyFloat(floats[0]) : "",
    };
  });
  return counts.sort((a, b) => b.count - a.count);
}

/** The first outputs of nodes that can run on 8-bit codes, once weights are in the form that quantization begins with. */
function nodesOnCodes(model: ModelProto): Set<string> {
  const graph = new Graph(copyModel(model));
  for (const pass of [liftConstants, floatWeights, float32]) pass(graph);
  const able = graph.nodes.filter((node) => roleOf(graph, node) !== undefined);
  return new Set(able.map(({ output }) => output[0] ?? ""));
}

const operatorOf = ({ domain, opType }: NodeProto): string =>
  domain === "" || domain === "ai.onnx" ? opType : `${domain}.${opType}`;

function whyFloat({ opType }: NodeProto): string {
  return WHY_FLOAT[opType] ?? "no integer kernel, or no faster one";
}

const NO_WEIGHTS = "no constant float weights";
const FUSED = "fused into the operator before it";
const CODES = "quantized already";
const CONSTANT = "runs once, when the model is loaded";

const WHY_FLOAT: Readonly<Record<string, string>> = {
  Conv: NO_WEIGHTS,
  MatMul: NO_WEIGHTS,
  Gemm: NO_WEIGHTS,
  Relu: FUSED,
  Clip: FUSED,
  BatchNormalization: FUSED,
  Constant: CONSTANT,
  ConstantOfShape: CONSTANT,
  Identity: "removed when the model is loaded",
  Dropout: "removed when the model is loaded",
  QuantizeLinear: CODES,
  DequantizeLinear: CODES,
  QLinearConv: CODES,
  QLinearMatMul: CODES,
  Resize: "interpolates cubically",
};

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
