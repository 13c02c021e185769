import { create } from "@bufbuild/protobuf";
import {
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  OperatorSetIdProtoSchema,
  type TensorProto,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "../../models/onnx/proto/onnx_pb.js";
import { DataType } from "../../models/onnx/tensor.ts";

/** A model of a few nodes. */
export function tinyModel(parts: {
  opset: number;
  inputs: ValueInfoProto[];
  nodes: NodeProto[];
  outputs: ValueInfoProto[];
  initializers?: TensorProto[];
  irVersion?: number;
}): ModelProto {
  const { opset, inputs: input, nodes: node, outputs: output, initializers: initializer = [] } = parts;
  return create(ModelProtoSchema, {
    irVersion: BigInt(parts.irVersion ?? 8),
    opsetImport: [create(OperatorSetIdProtoSchema, { domain: "", version: BigInt(opset) })],
    graph: { name: "tiny", input, node, output, initializer },
  });
}

/** An input or output; a negative dimension is one of the caller's; without `dims` nothing is said of the shape. */
export function value(name: string, dims?: readonly number[], elemType: number = DataType.FLOAT) {
  const shape =
    dims &&
    create(TensorShapeProtoSchema, {
      dim: dims.map((dim, i) =>
        create(TensorShapeProto_DimensionSchema, {
          value: dim < 0 ? { case: "dimParam", value: `d${i}` } : { case: "dimValue", value: BigInt(dim) },
        }),
      ),
    });
  const tensor = create(TypeProto_TensorSchema, shape ? { elemType, shape } : { elemType });
  const type = create(TypeProtoSchema, { value: { case: "tensorType", value: tensor } });
  return create(ValueInfoProtoSchema, { name, type });
}
