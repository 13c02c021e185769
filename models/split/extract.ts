import { constantOf, withGraph } from "../onnx/derive.ts";
import { readsOf } from "../onnx/graph.ts";
import type { ModelProto, ValueInfoProto } from "../onnx/proto/onnx_pb.js";
import { closure, type Flow, type Step } from "./flow.ts";
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

function extract(
  { graph, free }: Flow,
  steps: readonly Step[],
  { inputs, outputs, shapes }: Boundary,
): ModelProto {
  const { proto, model } = graph;
  const own = new Set(steps.map(({ node }) => node));
  const used = closure(
    steps.flatMap(({ node }) => [...readsOf(node)]),
    free,
  );
  for (const { maker } of used) if (maker) own.add(maker);
  const names = new Set([...used.map(({ name }) => name), ...steps.flatMap(({ node }) => node.output)]);
  const written = new Map([...proto.input, ...proto.output].map((each) => [each.name, each]));
  const info = (name: string): ValueInfoProto[] => {
    const found = written.get(name) ?? shapes.get(name)?.info;
    return found ? [found] : [];
  };
  const nodes = graph.nodes.filter((node) => own.has(node));
  // Old versions of ONNX want each initializer among the inputs as well: there, constants stay nodes.
  const isLifted = (node: (typeof nodes)[number]) => model.irVersion >= 4n && constantOf(node) !== undefined;
  const edge = new Set([...inputs, ...outputs]);
  return withGraph(model, {
    node: nodes.filter((node) => !isLifted(node)),
    initializer: [
      ...proto.initializer.filter(({ name }) => names.has(name)),
      ...nodes.filter(isLifted).flatMap((node) => constantOf(node) ?? []),
    ],
    sparseInitializer: proto.sparseInitializer.filter(({ values }) => names.has(values?.name ?? "")),
    input: [
      ...inputs.flatMap(info),
      ...proto.input.filter(({ name }) => names.has(name) && graph.initializer(name) !== undefined),
    ],
    output: outputs.flatMap(info),
    valueInfo: proto.valueInfo.filter(({ name }) => names.has(name) && !edge.has(name)),
    quantizationAnnotation: proto.quantizationAnnotation.filter(({ tensorName }) => names.has(tensorName)),
  });
}
