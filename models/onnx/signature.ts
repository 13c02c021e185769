import { elementType } from "./element-types.ts";
import { Graph } from "./graph.ts";
import type { ValueInfoProto } from "./proto/onnx_pb.js";
import { readStructure } from "./read-model.ts";

/** An input or output as its file declares it. */
export interface DeclaredValue {
  name: string;
  /** As ONNX spells the element type, in small letters; empty where it is no tensor, or of an unknown type. */
  type: string;
  /** -1 where only known at run time. */
  dims: number[];
}

/** What a model takes and makes; its weights are not looked at. Errors: those of `readStructure`. */
export async function readSignature(
  path: string,
): Promise<{ inputs: DeclaredValue[]; outputs: DeclaredValue[] }> {
  const graph = new Graph(await readStructure(path));
  const fed = new Set(graph.inputs);
  const { input, output } = graph.proto;
  return { inputs: input.filter(({ name }) => fed.has(name)).map(declared), outputs: output.map(declared) };
}

function declared({ name, type }: ValueInfoProto): DeclaredValue {
  if (type?.value.case !== "tensorType") return { name, type: "", dims: [] };
  const { elemType, shape } = type.value.value;
  const dims = (shape?.dim ?? []).map(({ value }) => (value.case === "dimValue" ? Number(value.value) : -1));
  return { name, type: elementType(elemType)?.name ?? "", dims };
}
