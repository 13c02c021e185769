import { create } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type GraphProto,
  type NodeProto,
  type TensorProto,
} from "./proto/onnx_pb.js";

export const attribute = (node: NodeProto, name: string): AttributeProto | undefined =>
  node.attribute.find((candidate) => candidate.name === name);

export const hasAttribute = (node: NodeProto, name: string): boolean => attribute(node, name) !== undefined;

/** Undefined, here and below, where the node does not have it. */
export function int(node: NodeProto, name: string): number | undefined {
  const found = attribute(node, name);
  return found && Number(found.i);
}

export const ints = (node: NodeProto, name: string): number[] | undefined =>
  attribute(node, name)?.ints.map(Number);

export const float = (node: NodeProto, name: string): number | undefined => attribute(node, name)?.f;

export function text(node: NodeProto, name: string): string | undefined {
  const found = attribute(node, name);
  return found && new TextDecoder().decode(found.s);
}

export const tensorAttribute = (node: NodeProto, name: string): TensorProto | undefined =>
  attribute(node, name)?.t;

/** Graphs inside a node: the branches of an If, the body of a Loop. */
export const subgraphs = (node: NodeProto): GraphProto[] =>
  node.attribute.flatMap(({ g, graphs }) => (g ? [g, ...graphs] : graphs));

export type AttributeValue = number | string | readonly number[] | { float: number };

/** A number is an integer unless it is wrapped as `{float}`. */
export function makeAttribute(name: string, value: AttributeValue): AttributeProto {
  const base = create(AttributeProtoSchema, { name });
  if (typeof value === "number") return Object.assign(base, { type: AttributeType.INT, i: BigInt(value) });
  if (typeof value === "string")
    return Object.assign(base, { type: AttributeType.STRING, s: new TextEncoder().encode(value) });
  if ("float" in value) return Object.assign(base, { type: AttributeType.FLOAT, f: value.float });
  return Object.assign(base, { type: AttributeType.INTS, ints: value.map(BigInt) });
}

export function setAttribute(node: NodeProto, name: string, value: AttributeValue): void {
  removeAttribute(node, name);
  node.attribute.push(makeAttribute(name, value));
}

export function removeAttribute(node: NodeProto, name: string): void {
  node.attribute = node.attribute.filter((candidate) => candidate.name !== name);
}
