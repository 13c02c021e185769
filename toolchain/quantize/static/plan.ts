import type { Graph } from "../../../models/onnx/graph.ts";
import type { NodeProto } from "../../../models/onnx/proto/onnx_pb.js";
import { type Role, resultOf, roleOf } from "./roles.ts";

/** Which nodes run on 8-bit codes, and which tensors so become codes. */
export interface QuantizationPlan {
  nodes: ReadonlyMap<NodeProto, Role>;
  /** Tensors that get a scale, each with the tensor whose scale it has: mostly itself. */
  tensors: ReadonlyMap<string, string>;
}

export interface PlanOptions {
  /** `compute`: only what has weights. `all`: what lies between too, so that codes pass on as codes. */
  reach: "compute" | "all";
  /** Nodes that stay float, by their first output. */
  exclude?: ReadonlySet<string>;
}

/** `graph` is in an order in which it can run. */
export function planQuantization(
  graph: Graph,
  { reach, exclude = new Set() }: PlanOptions,
): QuantizationPlan {
  const nodes = new Map<NodeProto, Role>();
  const tensors = new Map<string, string>();
  const wrap = (name: string, as = name): void => {
    if (!tensors.has(name)) tensors.set(name, tensors.get(as) ?? as);
  };
  for (const node of graph.nodes) {
    const role = roleOf(graph, node);
    if (!role || exclude.has(node.output[0] ?? "") || !takesPart(graph, node, role, reach, tensors)) continue;
    nodes.set(node, role);
    const [input = ""] = node.input;
    if (role === "compute") wrap(input);
    const shared = role === "share" ? input : undefined;
    if (role === "share") for (const output of node.output) wrap(output, shared);
    else wrap(resultOf(graph, node));
  }
  return { nodes, tensors };
}

/** What has no weights pays only where codes come in anyway: on every side. */
function takesPart(
  graph: Graph,
  node: NodeProto,
  role: Role,
  reach: PlanOptions["reach"],
  tensors: ReadonlyMap<string, string>,
): boolean {
  if (role === "compute") return true;
  if (reach === "compute") return false;
  const moving = role === "join" ? node.input : node.input.slice(0, 1);
  return moving.every((name) => tensors.has(name) && graph.producer(name) !== undefined);
}
