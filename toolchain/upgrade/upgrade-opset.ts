import { subgraphs } from "../../models/onnx/attributes.ts";
import { Graph } from "../../models/onnx/graph.ts";
import { create } from "../../models/onnx/message.ts";
import {
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
  type ValueInfoProto,
} from "../../models/onnx/proto/onnx_pb.js";
import { graphsOf } from "../../models/onnx/walk.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import { ADAPTERS } from "./adapters.ts";
import { TensorHints } from "./hints.ts";
import { nextChange } from "./operators.ts";
import { type Additions, Scope } from "./scope.ts";

/** What the table of operators reaches. */
const NEWEST = 21;

/**
 * Brings a model of version 7 to 20 of ONNX's operators to version `to`, at most 21, in place; a model that is there
 * or beyond is left alone. Nodes are replaced, so a `Graph` over the model has to be touched. Outputs stay the same,
 * bit for bit where ONNX Runtime has the same kernel for both versions. Operators of other domains have versions of
 * their own and stay as they are.
 * Errors: ERR_ONNX_OPSET when the model has an operator that is not known, or one whose old meaning the newer version
 * cannot express; the model is unchanged then.
 */
export function upgradeOpset(model: ModelProto, to: number): void {
  const graph = new Graph(model);
  const step = { from: graph.opset(), to };
  if (step.from >= to) return;
  if (to > NEWEST)
    throw new SightlineError("ERR_ONNX_OPSET", `opset ${to} is not supported; the newest is ${NEWEST}`);
  if (model.functions.length > 0)
    throw new SightlineError("ERR_ONNX_OPSET", `a model of opset ${step.from} with custom functions`);
  // All is rewritten before anything is replaced: an operator that is refused leaves the model as it was.
  const additions: Additions = { names: allNames(model), initializers: [] };
  const job: Job = { irVersion: model.irVersion, additions, step };
  const { input, node } = rewriteGraph(graph.proto, job);
  Object.assign(graph.proto, { input, node });
  graph.proto.initializer.push(...job.additions.initializers);
  graph.setOpset("", to);
  raiseIrVersion(model, to);
}

interface Job {
  irVersion: bigint;
  additions: Additions;
  step: { from: number; to: number };
}

function rewriteGraph(graph: GraphProto, job: Job, outer?: TensorHints): GraphProto {
  const hints = new TensorHints(graph, outer);
  const nodes: NodeProto[] = [];
  const scope = new Scope(job.additions, hints, { nodes, step: job.step });
  for (const node of graph.node) {
    scope.finish(withSubgraphs(rewrite(node, scope, job.step), (inner) => rewriteGraph(inner, job, hints)));
  }
  return Object.assign(create(GraphProtoSchema), graph, {
    node: nodes,
    input: withoutDefaults(graph, job.irVersion),
  });
}

function withSubgraphs(node: NodeProto, rewritten: (graph: GraphProto) => GraphProto): NodeProto {
  if (subgraphs(node).length === 0) return node;
  const attribute = node.attribute.map((each) =>
    Object.assign(create(AttributeProtoSchema), each, {
      g: each.g && rewritten(each.g),
      graphs: each.graphs.map(rewritten),
    }),
  );
  return Object.assign(create(NodeProtoSchema), node, { attribute });
}

function rewrite(original: NodeProto, scope: Scope, { from, to }: Job["step"]): NodeProto {
  if (original.domain !== "" && original.domain !== "ai.onnx") return original;
  const node = Object.assign(create(NodeProtoSchema), original, {
    input: [...original.input],
    output: [...original.output],
    attribute: [...original.attribute],
  });
  for (let version = from; ; ) {
    const next = nextChange(node.opType, version);
    if (next === undefined) scope.refuse(node, "the operator is not supported");
    if (next === 0 || next > to) return node;
    ADAPTERS[node.opType]?.[next]?.(node, scope);
    version = next;
  }
}

/** Names inside subgraphs count: they may not hide one of outside. */
function allNames(model: ModelProto): Set<string> {
  const names = new Set<string>();
  for (const { input, output, initializer, node } of graphsOf(model)) {
    for (const { name } of [...input, ...output, ...initializer]) names.add(name);
    for (const each of node) for (const name of [...each.input, ...each.output]) names.add(name);
  }
  return names;
}

/**
 * Before IR version 4 every initializer was listed as an input too, and yet a constant. Since then one that is listed
 * is a default that a caller may override, which ONNX Runtime cannot fold.
 */
function withoutDefaults({ input, initializer }: GraphProto, irVersion: bigint): ValueInfoProto[] {
  if (irVersion >= 4n) return input;
  const constants = new Set(initializer.map(({ name }) => name));
  return input.filter(({ name }) => !constants.has(name));
}

/** The file's version that belongs to the operators' (ONNX's table of releases). */
function raiseIrVersion(model: ModelProto, opset: number): void {
  const needed = opset >= 21 ? 10n : opset >= 19 ? 9n : opset >= 15 ? 8n : 7n;
  if (model.irVersion < needed) model.irVersion = needed;
}
