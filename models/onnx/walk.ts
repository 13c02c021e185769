import { subgraphs } from "./attributes.ts";
import type { GraphProto, ModelProto, NodeProto, TensorProto } from "./proto/onnx_pb.js";

/** Every graph of a model: its own, and those inside nodes, outer before inner. */
export function graphsOf(model: ModelProto): GraphProto[] {
  const all: GraphProto[] = model.graph ? [model.graph] : [];
  // The list grows while it is walked.
  for (const graph of all) for (const node of graph.node) all.push(...subgraphs(node));
  return all;
}

export const nodesOf = (model: ModelProto): NodeProto[] => graphsOf(model).flatMap(({ node }) => node);

/** Every tensor with values: initializers, those of sparse ones, and those in attributes. */
export function tensorsOf(model: ModelProto): TensorProto[] {
  return graphsOf(model).flatMap((graph) => [
    ...graph.initializer,
    ...graph.sparseInitializer.flatMap(({ values, indices }) => present(values, indices)),
    ...graph.node.flatMap(({ attribute }) =>
      attribute.flatMap(({ t, tensors, sparseTensor }) => [
        ...present(t),
        ...tensors,
        ...present(sparseTensor?.values, sparseTensor?.indices),
      ]),
    ),
  ]);
}

const present = (...tensors: (TensorProto | undefined)[]): TensorProto[] =>
  tensors.filter((tensor) => tensor !== undefined);
