import { float, int, ints, removeAttribute, setAttribute } from "../../models/onnx/attributes.ts";
import type { NodeProto } from "../../models/onnx/proto/onnx_pb.js";
import { int64Tensor } from "../../models/onnx/tensor.ts";
import type { Scope } from "./scope.ts";

/** Limits became inputs; without one there is no limit, where the attributes' defaults were the largest floats. */
export function clip(node: NodeProto, scope: Scope): void {
  for (const [place, name] of ["min", "max"].entries()) {
    const limit = float(node, name);
    if (limit !== undefined && Math.abs(limit) < 3.4e38) {
      setInput(node, place + 1, scope.scalarLike(node.input[0], limit, `${node.output[0]}_${name}`));
    }
    removeAttribute(node, name);
  }
}

export function slice(node: NodeProto, scope: Scope): void {
  for (const [place, name] of ["starts", "ends", "axes"].entries()) moveInts(node, scope, name, place + 1);
}

export function pad(node: NodeProto, scope: Scope): void {
  moveInts(node, scope, "pads", 1);
  const value = float(node, "value");
  removeAttribute(node, "value");
  if (value) setInput(node, 2, scope.scalarLike(node.input[0], value, `${node.output[0]}_value`));
}

/** Squeeze and Unsqueeze. */
export const moveAxes = (node: NodeProto, scope: Scope): void => moveInts(node, scope, "axes", 1);

/** An empty list meant every axis, as no list does, and as both forms still do. */
export function reduceAxes(node: NodeProto, scope: Scope): void {
  if (ints(node, "axes")?.length === 0) removeAttribute(node, "axes");
  moveAxes(node, scope);
}

export const splitSizes = (node: NodeProto, scope: Scope): void => moveInts(node, scope, "split", 1);

/** Equal parts have to be counted since 18. */
export function numberOfOutputs(node: NodeProto): void {
  if (!node.input[1]) setAttribute(node, "num_outputs", node.output.length);
}

export function topK(node: NodeProto, scope: Scope): void {
  const k = int(node, "k") ?? 1;
  removeAttribute(node, "k");
  setInput(node, 1, scope.addInts(`${node.output[0]}_k`, [k]));
}

export function dft(node: NodeProto, scope: Scope): void {
  const axis = int64Tensor(`${node.output[0]}_axis`, [int(node, "axis") ?? 1]);
  axis.dims = [];
  removeAttribute(node, "axis");
  setInput(node, 2, scope.add(axis));
}

function moveInts(node: NodeProto, scope: Scope, name: string, place: number): void {
  const values = ints(node, name);
  removeAttribute(node, name);
  if (values) setInput(node, place, scope.addInts(`${node.output[0]}_${name}`, values));
}

function setInput(node: NodeProto, place: number, name: string): void {
  while (node.input.length < place) node.input.push("");
  node.input[place] = name;
}
