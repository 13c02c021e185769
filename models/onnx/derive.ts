import { create } from "@bufbuild/protobuf";
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  type TypeProto_Tensor,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "./proto/onnx_pb.js";
import { renamed } from "./tensor.ts";

/** The same model with other parts in its main graph; the rest is shared, what the schema does not know among it. */
export function withGraph(model: ModelProto, parts: Partial<GraphProto>): ModelProto {
  const graph = Object.assign(create(GraphProtoSchema), model.graph, parts);
  return Object.assign(create(ModelProtoSchema), model, { graph });
}

/**
 * The same model with further outputs. ONNX wants an output's type written down; ONNX Runtime finds it by itself.
 */
export function withMoreOutputs(model: ModelProto, names: Iterable<string>): ModelProto {
  const output = [...(model.graph?.output ?? [])];
  const there = new Set(output.map(({ name }) => name));
  for (const name of names) if (!there.has(name)) output.push(create(ValueInfoProtoSchema, { name }));
  return withGraph(model, { output });
}

/** The same model whose nodes are named after their place: `n0`, `n1`, … */
export function withNumberedNodes(model: ModelProto): ModelProto {
  const node = (model.graph?.node ?? []).map(
    (each, i): NodeProto => Object.assign(create(NodeProtoSchema), each, { name: `n${i}` }),
  );
  return withGraph(model, { node });
}

/** The same with elements of another type, by ONNX's number. */
export function withElementType(info: ValueInfoProto, elemType: number): ValueInfoProto {
  return withTensorType(info, (type) => ({ ...type, elemType }));
}

/** The same, with a shape of `rank` open dimensions where nothing is known of it. */
export function withRank(info: ValueInfoProto, rank: number): ValueInfoProto {
  const dim = Array.from({ length: rank }, () => create(TensorShapeProto_DimensionSchema));
  return withTensorType(info, ({ shape = create(TensorShapeProtoSchema, { dim }), ...type }) => ({
    ...type,
    shape,
  }));
}

function withTensorType(
  { name, type }: ValueInfoProto,
  change: (
    type: Pick<TypeProto_Tensor, "elemType" | "shape">,
  ) => Pick<TypeProto_Tensor, "elemType" | "shape">,
): ValueInfoProto {
  const old = type?.value.case === "tensorType" ? type.value.value : undefined;
  const { elemType, shape } = change({ elemType: old?.elemType ?? 0, shape: old?.shape });
  const tensor = create(TypeProto_TensorSchema, { elemType, ...(shape && { shape }) });
  const made = create(TypeProtoSchema, { value: { case: "tensorType", value: tensor } });
  return create(ValueInfoProtoSchema, { name, type: made });
}

/** The tensor of a `Constant` node under the name of its output, undefined for any other node. */
export function constantOf({ opType, domain, output, attribute }: NodeProto): TensorProto | undefined {
  if (opType !== "Constant" || (domain !== "" && domain !== "ai.onnx")) return undefined;
  const value = attribute.find(({ name }) => name === "value")?.t;
  return value && renamed(value, output[0] ?? "");
}
