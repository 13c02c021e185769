import { create } from "@bufbuild/protobuf";
import { copyModel } from "./copy-model.ts";
import { Graph } from "./graph.ts";
import { removeUnused } from "./passes/remove-unused.ts";
import { type ModelProto, ValueInfoProtoSchema } from "./proto/onnx_pb.js";

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
