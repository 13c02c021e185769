import { withElementType, withGraph } from "../../models/onnx/derive.ts";
import { makeNode } from "../../models/onnx/graph.ts";
import {
  type ModelProto,
  TensorProto_DataType,
  type ValueInfoProto,
} from "../../models/onnx/proto/onnx_pb.js";
import type { Shapes } from "./shapes.ts";

/** A part of a model that is a model itself. */
export interface Stage {
  model: ModelProto;
  /** The model's own inputs first. */
  inputs: readonly string[];
  outputs: readonly string[];
}

/**
 * ONNX Runtime's name for a Cast that it may leave out although digits are lost
 * (https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/core/optimizer/insert_cast_transformer.cc).
 */
export const FREE_CAST = "InsertedPrecisionFreeCast_";

/**
 * The same stage whose float16 tensors that cross a cut are floats there. CPUs without half-precision kernels run
 * such a model in floats from end to end, and rounding at a cut what the whole never rounds would differ; CPUs with
 * them lose nothing. `crossing` are the tensors between stages.
 */
export function withWideHalves(
  { model, inputs, outputs }: Stage,
  crossing: ReadonlySet<string>,
  shapes: Shapes,
): Stage {
  const graph = model.graph;
  const isHalf = (name: string) => crossing.has(name) && shapes.get(name)?.dtype === "float16";
  const taken = inputs.filter(isHalf);
  const given = outputs.filter(isHalf);
  if (graph === undefined || taken.length + given.length === 0) return { model, inputs, outputs };
  const rename = (name: string) => (isHalf(name) ? wideName(name) : name);
  return {
    model: withGraph(model, {
      node: [
        ...taken.map((name) => cast(wideName(name), name, TensorProto_DataType.FLOAT16)),
        ...graph.node,
        ...given.map((name) => cast(name, wideName(name), TensorProto_DataType.FLOAT)),
      ],
      input: graph.input.map((each) => (taken.includes(each.name) ? wideInfo(each) : each)),
      output: graph.output.map((each) => (given.includes(each.name) ? wideInfo(each) : each)),
    }),
    inputs: inputs.map(rename),
    outputs: outputs.map(rename),
  };
}

const wideName = (name: string): string => `${name}_float`;

const wideInfo = (info: ValueInfoProto): ValueInfoProto =>
  withElementType({ ...info, name: wideName(info.name) }, TensorProto_DataType.FLOAT);

const cast = (from: string, to: string, dataType: number) =>
  makeNode("Cast", { name: `${FREE_CAST}${to}`, inputs: [from], outputs: [to] }, { to: dataType });
