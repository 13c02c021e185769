import { create } from "@bufbuild/protobuf";
import { withElementType, withRank } from "../../../models/onnx/derive.ts";
import { makeNode } from "../../../models/onnx/graph.ts";
import {
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  OperatorSetIdProtoSchema,
  type TensorProto,
  type ValueInfoProto,
} from "../../../models/onnx/proto/onnx_pb.js";
import { DataType } from "../../../models/onnx/tensor.ts";

/** A node that is named after its output. */
export const node = (opType: string, inputs: string[], ...outputs: string[]): NodeProto =>
  makeNode(opType, { name: outputs[0] ?? "", inputs, outputs });

export interface SmallModel {
  nodes: NodeProto[];
  inputs?: string[];
  outputs?: string[];
  initializers?: TensorProto[];
  opset?: number;
}

/** A model of floats of unknown rank from `x` to `y`. */
export function smallModel({
  nodes,
  inputs = ["x"],
  outputs = ["y"],
  initializers = [],
  opset = 17,
}: SmallModel): ModelProto {
  const info = (name: string): ValueInfoProto => withRank(withElementType({ name }, DataType.FLOAT), 1);
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [create(OperatorSetIdProtoSchema, { domain: "", version: BigInt(opset) })],
    graph: create(GraphProtoSchema, {
      name: "small",
      node: nodes,
      initializer: initializers,
      input: inputs.map(info),
      output: outputs.map(info),
    }),
  });
}
