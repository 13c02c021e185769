import { constantOf, withGraph } from "../../models/onnx/derive.ts";
import { closure, type Flow, type Step } from "../../models/onnx/flow.ts";
import { readsOf } from "../../models/onnx/graph.ts";
import type { ModelProto, ValueInfoProto } from "../../models/onnx/proto/onnx_pb.js";
import { type Stage, withWideHalves } from "./half-floats.ts";
import type { Cut } from "./liveness.ts";
import type { Shapes } from "./shapes.ts";

/** One stage more than there are cuts. Names, types and shapes of tensors are those of the whole. */
export function extractStages(flow: Flow, cuts: readonly Cut[], shapes: Shapes): Stage[] {
  const places = [0, ...cuts.map(({ at }) => at), flow.steps.length];
  const crossing = new Set(cuts.flatMap(({ tensors }) => tensors));
  return places.slice(1).map((end, i) => {
    const steps = flow.steps.slice(places[i], end);
    const { inputs, outputs } = boundary(flow, steps, flow.steps.slice(end));
    const model = extract(flow, steps, { inputs, outputs, shapes });
    return withWideHalves({ model, inputs, outputs }, crossing, shapes);
  });
}

/** What a stage takes and gives: what it does not need itself passes it by. */
function boundary({ graph }: Flow, steps: readonly Step[], later: readonly Step[]) {
  const made = new Set(steps.flatMap(({ node }) => node.output));
  const reads = new Set(steps.flatMap((step) => [...step.reads])).difference(made);
  const wanted = new Set([...graph.outputs, ...later.flatMap((step) => [...step.reads])]);
  const own = graph.inputs.filter((name) => reads.has(name));
  return {
    inputs: [...own, ...[...reads].filter((name) => !own.includes(name))],
    outputs: [...made].filter((name) => wanted.has(name)),
  };
}

interface Boundary {
  inputs: readonly string[];
  outputs: readonly string[];
  shapes: Shapes;
}

function extract(flow: Flow, steps: readonly Step[], { inputs, outputs, shapes }: Boundary): ModelProto {
  const { proto, model } = flow.graph;
  const { names, nodes } = contentOf(flow, steps);
  // Old versions of ONNX want each initializer among the inputs as well: there, constants stay nodes.
  const constants = new Map(model.irVersion < 4n ? [] : nodes.map((node) => [node, constantOf(node)]));
  const has = ({ name }: { name: string }): boolean => names.has(name);
  const isEdge = ({ name }: { name: string }): boolean => inputs.includes(name) || outputs.includes(name);
  const info = infoOf(flow, shapes);
  return withGraph(model, {
    node: nodes.filter((node) => !constants.get(node)),
    initializer: [
      ...proto.initializer.filter(has),
      ...[...constants.values()].filter((tensor) => tensor !== undefined),
    ],
    sparseInitializer: proto.sparseInitializer.filter(({ values }) => names.has(values?.name ?? "")),
    input: [
      ...inputs.flatMap(info),
      ...proto.input.filter((each) => has(each) && flow.graph.initializer(each.name) !== undefined),
    ],
    output: outputs.flatMap(info),
    valueInfo: proto.valueInfo.filter((each) => has(each) && !isEdge(each)),
    quantizationAnnotation: proto.quantizationAnnotation.filter(({ tensorName }) => names.has(tensorName)),
  });
}

/** The steps' nodes with those that come along, in order, and every tensor that one of them reads or makes. */
function contentOf({ free, graph }: Flow, steps: readonly Step[]) {
  const reads = steps.flatMap(({ node }) => [...readsOf(node)]);
  const own = new Set(steps.map(({ node }) => node));
  const names = new Set(steps.flatMap(({ node }) => node.output));
  for (const { maker, name } of closure(reads, free)) {
    names.add(name);
    if (maker) own.add(maker);
  }
  return { names, nodes: graph.nodes.filter((node) => own.has(node)) };
}

/** What the model itself says of its inputs and outputs, else what a run showed. */
function infoOf({ graph: { proto } }: Flow, shapes: Shapes): (name: string) => ValueInfoProto[] {
  const written = new Map([...proto.input, ...proto.output].map((each) => [each.name, each]));
  return (name) => {
    const found = written.get(name) ?? shapes.get(name)?.info;
    return found ? [found] : [];
  };
}
