import { type Flow, flowOf } from "../../models/onnx/flow.ts";
import { Graph } from "../../models/onnx/graph.ts";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import type { ExecutionProvider } from "../../runtime/session/execution-provider.ts";
import type { NamedTensors } from "../../runtime/tensor/tensor.ts";
import { measureFusion } from "./fusion.ts";
import { FREE_CAST } from "./half-floats.ts";
import { type Cut, cutsOf } from "./liveness.ts";
import { measureShapes, type Shapes } from "./shapes.ts";

/** What only running a model shows. */
export interface Measured {
  flow: Flow;
  shapes: Shapes;
  /** Where it can be divided. */
  cuts: readonly Cut[];
  /** By the tensor that an operator makes. */
  durationUs: ReadonlyMap<string, number>;
}

/** Errors: those of loading and running the model. */
export async function measureModel(
  provider: ExecutionProvider,
  model: ModelProto,
  feeds: NamedTensors,
): Promise<Measured> {
  const flow = flowOf(new Graph(model));
  const shapes = await measureShapes(provider, model, feeds);
  const { durationUs, tensors } = await measureFusion(provider, model, feeds);
  const isWhole = (name: string): boolean =>
    tensors.has(name) || (tensors.has(FREE_CAST + name) && !flow.graph.isOutput(name));
  return { flow, shapes, cuts: cutsOf(flow, shapes, isWhole), durationUs };
}
