import { create } from "@bufbuild/protobuf";
import { SightlineError } from "../../runtime/base/errors.ts";
import { type AttributeValue, makeAttribute, subgraphs } from "./attributes.ts";
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
} from "./proto/onnx_pb.js";
import { quote } from "./quote.ts";

interface Index {
  initializers: Map<string, TensorProto>;
  producers: Map<string, NodeProto>;
  consumers: Map<string, NodeProto[]>;
  names: Set<string>;
}

const DEFAULT_DOMAINS = new Set(["", "ai.onnx"]);

/**
 * A model's main graph with who makes and who reads each tensor. It changes the model in place; whoever changes
 * nodes past its methods calls `touch`.
 */
export class Graph {
  readonly model: ModelProto;
  readonly proto: GraphProto;
  #index: Index | undefined;

  constructor(model: ModelProto) {
    this.model = model;
    model.graph ??= create(GraphProtoSchema);
    this.proto = model.graph;
  }

  get nodes(): readonly NodeProto[] {
    return this.proto.node;
  }

  /** What a caller feeds: initializers, which old models list too, are left out. */
  get inputs(): string[] {
    const { initializers } = this.#read();
    return this.proto.input.map(({ name }) => name).filter((name) => !initializers.has(name));
  }

  get outputs(): string[] {
    return this.proto.output.map(({ name }) => name);
  }

  initializer(name: string | undefined): TensorProto | undefined {
    return name ? this.#read().initializers.get(name) : undefined;
  }

  producer(name: string): NodeProto | undefined {
    return this.#read().producers.get(name);
  }

  /** A node that reads a tensor twice is listed once; one whose subgraph reads it counts. */
  consumers(name: string): readonly NodeProto[] {
    return this.#read().consumers.get(name) ?? [];
  }

  isOutput(name: string): boolean {
    return this.proto.output.some((output) => output.name === name);
  }

  /** Version of the operators of a domain; 0 when the model does not use it. */
  opset(domain = ""): number {
    const wanted = DEFAULT_DOMAINS.has(domain) ? DEFAULT_DOMAINS : new Set([domain]);
    return Number(this.model.opsetImport.find((entry) => wanted.has(entry.domain))?.version ?? 0);
  }

  setOpset(domain: string, version: number): void {
    const wanted = DEFAULT_DOMAINS.has(domain) ? DEFAULT_DOMAINS : new Set([domain]);
    const found = this.model.opsetImport.find((entry) => wanted.has(entry.domain));
    if (found) found.version = BigInt(version);
    else this.model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }));
  }

  /** `hint`, or `hint_2` and so on where that is taken. */
  uniqueName(hint: string): string {
    const { names } = this.#read();
    let name = hint;
    for (let i = 2; names.has(name); i++) name = `${hint}_${i}`;
    names.add(name);
    return name;
  }

  /** Adds it at the end; `sort` afterwards. */
  add(node: NodeProto): NodeProto {
    this.proto.node.push(node);
    if (this.#index) enter(this.#index, node);
    return node;
  }

  /** Gives the name, for the node that will read it. */
  addInitializer(tensor: TensorProto): string {
    this.proto.initializer.push(tensor);
    this.#index?.initializers.set(tensor.name, tensor);
    this.#index?.names.add(tensor.name);
    return tensor.name;
  }

  /** Old models list initializers among the inputs too: those go as well. */
  removeInitializers(gone: ReadonlySet<string>): void {
    this.proto.initializer = this.proto.initializer.filter(({ name }) => !gone.has(name));
    this.proto.input = this.proto.input.filter(({ name }) => !gone.has(name));
    this.touch();
  }

  remove(gone: ReadonlySet<NodeProto>): void {
    this.proto.node = this.proto.node.filter((node) => !gone.has(node));
    this.touch();
  }

  /** Lets every node that reads `from` read `to`; the graph's outputs keep their names. */
  replaceUses(from: string, to: string, except: ReadonlySet<NodeProto> = new Set()): void {
    for (const node of this.consumers(from)) {
      if (!except.has(node)) node.input = node.input.map((name) => (name === from ? to : name));
    }
    this.touch();
  }

  /** Forgets what it knew of the nodes. */
  touch(): void {
    this.#index = undefined;
  }

  /** Puts producers before consumers, else as they stand. Errors: ERR_ONNX_GRAPH when there is a cycle. */
  sort(): void {
    this.proto.node = sorted(this);
    this.touch();
  }

  #read(): Index {
    this.#index ??= indexOf(this.proto);
    return this.#index;
  }
}

/** A new node; `domain` is that of the operator, "" for ONNX's own. */
export function makeNode(
  opType: string,
  io: { name: string; inputs: readonly string[]; outputs: readonly string[]; domain?: string },
  attributes: Readonly<Record<string, AttributeValue>> = {},
): NodeProto {
  return create(NodeProtoSchema, {
    opType,
    name: io.name,
    domain: io.domain ?? "",
    input: [...io.inputs],
    output: [...io.outputs],
    attribute: Object.entries(attributes).map(([name, value]) => makeAttribute(name, value)),
  });
}

/** Every tensor that a node reads, those that its subgraphs take from outside among them. */
export function readsOf(node: NodeProto): Set<string> {
  const reads = new Set(node.input.filter((name) => name !== ""));
  for (const graph of subgraphs(node)) for (const name of captured(graph)) reads.add(name);
  return reads;
}

/** What a subgraph reads and does not define. */
function captured(graph: GraphProto): Set<string> {
  const defined = new Set([...graph.input, ...graph.initializer].map(({ name }) => name));
  for (const node of graph.node) for (const name of node.output) defined.add(name);
  const reads = new Set(graph.output.map(({ name }) => name));
  for (const node of graph.node) for (const name of readsOf(node)) reads.add(name);
  return reads.difference(defined);
}

function indexOf(graph: GraphProto): Index {
  const initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const io = [...graph.input, ...graph.output].map(({ name }) => name);
  const names = new Set([...initializers.keys(), ...io]);
  const index: Index = { initializers, names, producers: new Map(), consumers: new Map() };
  for (const node of graph.node) enter(index, node);
  return index;
}

function enter({ producers, consumers, names }: Index, node: NodeProto): void {
  for (const name of node.output) {
    if (name !== "") producers.set(name, node);
    names.add(name);
  }
  for (const name of readsOf(node)) {
    const readers = consumers.get(name);
    if (readers) readers.push(node);
    else consumers.set(name, [node]);
    names.add(name);
  }
}

/** Kahn's algorithm, of the nodes that are ready the first as it stands. */
function sorted(graph: Graph): NodeProto[] {
  const order: NodeProto[] = [];
  const place = new Map(graph.nodes.map((node, i) => [node, i]));
  const waitsFor = new Map<NodeProto, number>();
  for (const node of graph.nodes) {
    waitsFor.set(node, [...readsOf(node)].filter((name) => graph.producer(name) !== undefined).length);
  }
  const ready = graph.nodes.filter((node) => waitsFor.get(node) === 0).map((node) => place.get(node) ?? 0);
  for (let next = popSmallest(ready); next !== undefined; next = popSmallest(ready)) {
    const node = graph.nodes[next];
    if (node === undefined) break;
    order.push(node);
    for (const name of new Set(node.output)) {
      for (const reader of graph.consumers(name)) {
        const left = (waitsFor.get(reader) ?? 0) - 1;
        waitsFor.set(reader, left);
        if (left === 0) push(ready, place.get(reader) ?? 0);
      }
    }
  }
  if (order.length === graph.nodes.length) return order;
  const done = new Set(order);
  const stuck = graph.nodes.find((node) => !done.has(node));
  throw new SightlineError("ERR_ONNX_GRAPH", `the graph has a cycle through ${describe(stuck)}`);
}

const describe = (node: NodeProto | undefined): string =>
  node ? `${quote(node.opType)} ${quote(node.name || node.output[0] || "")}` : "a node";

/** `heap` is kept in ascending order; it is short. */
function push(heap: number[], value: number): void {
  const at = heap.findLastIndex((other) => other < value) + 1;
  heap.splice(at, 0, value);
}

const popSmallest = (heap: number[]): number | undefined => heap.shift();
