import { attribute, setAttribute } from "../../models/onnx/attributes.ts";
import type { Graph } from "../../models/onnx/graph.ts";
import { create } from "../../models/onnx/message.ts";
import {
  AttributeProtoSchema,
  type TensorProto,
  type ValueInfoProto,
} from "../../models/onnx/proto/onnx_pb.js";
import { DataType, dimsOf, floatsOf, floatTensor } from "../../models/onnx/tensor.ts";

/** Turns a float16 model into a float32 one, inputs and outputs included. Gives how many weights changed. */
export function float32(graph: Graph): number {
  const { proto } = graph;
  for (const info of [...proto.input, ...proto.output, ...proto.valueInfo]) widenType(info);
  for (const node of graph.nodes) {
    const to = attribute(node, "to");
    if (node.opType === "Cast" && Number(to?.i) === DataType.FLOAT16)
      setAttribute(node, "to", DataType.FLOAT);
    // New ones: a copied model shares its attributes with the one that it was copied from.
    node.attribute = node.attribute.map((entry) =>
      isHalf(entry.t) ? Object.assign(create(AttributeProtoSchema), entry, { t: widened(entry.t) }) : entry,
    );
  }
  let changed = 0;
  proto.initializer = proto.initializer.map((tensor) => {
    if (!isHalf(tensor)) return tensor;
    changed++;
    return widened(tensor);
  });
  graph.touch();
  return changed;
}

const isHalf = (tensor: TensorProto | undefined): tensor is TensorProto =>
  tensor?.dataType === DataType.FLOAT16;
const widened = (tensor: TensorProto): TensorProto =>
  floatTensor(tensor.name, dimsOf(tensor), floatsOf(tensor));

function widenType({ type }: ValueInfoProto): void {
  if (type?.value.case !== "tensorType") return;
  if (type.value.value.elemType === DataType.FLOAT16) type.value.value.elemType = DataType.FLOAT;
}
