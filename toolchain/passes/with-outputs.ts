import { copyModel } from "../../models/onnx/copy-model.ts";
import { Graph } from "../../models/onnx/graph.ts";
import { create } from "../../models/onnx/message.ts";
import { type ModelProto, ValueInfoProtoSchema } from "../../models/onnx/proto/onnx_pb.js";
import { removeUnused } from "./remove-unused.ts";

/**
 * The part of a model that makes `names`, which become its outputs. ONNX Runtime finds out their types itself.
 */
export function withOutputs(model: ModelProto, names: readonly string[]): ModelProto {
  const copy = copyModel(model);
  const graph = new Graph(copy);
  const known = new Map(graph.proto.output.map((info) => [info.name, info]));
  graph.proto.output = names.map((name) => known.get(name) ?? create(ValueInfoProtoSchema, { name }));
  graph.touch();
  removeUnused(graph);
  return copy;
}
