import { clone, create } from "@bufbuild/protobuf";
import {
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type OperatorSetIdProto,
  OperatorSetIdProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "./proto/onnx_pb.js";

/** A model to change: nodes, types and lists are its own, the weights' memory and the insides of attributes are shared. */
export function copyModel(model: ModelProto): ModelProto {
  const { graph } = model;
  const copied = Object.assign(create(ModelProtoSchema), model, {
    opsetImport: model.opsetImport.map(copyOpset),
  });
  if (!graph) return copied;
  copied.graph = Object.assign(create(GraphProtoSchema), graph, {
    node: graph.node.map(copyNode),
    initializer: [...graph.initializer],
    input: graph.input.map(copyInfo),
    output: graph.output.map(copyInfo),
    valueInfo: graph.valueInfo.map(copyInfo),
  });
  return copied;
}

const copyNode = (node: NodeProto): NodeProto =>
  Object.assign(create(NodeProtoSchema), node, {
    input: [...node.input],
    output: [...node.output],
    attribute: [...node.attribute],
  });

const copyInfo = (info: ValueInfoProto): ValueInfoProto => clone(ValueInfoProtoSchema, info);
const copyOpset = (opset: OperatorSetIdProto): OperatorSetIdProto =>
  Object.assign(create(OperatorSetIdProtoSchema), opset);
