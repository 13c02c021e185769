import { hasAttribute, int, removeAttribute, setAttribute, text } from "../../models/onnx/attributes.ts";
import type { NodeProto } from "../../models/onnx/proto/onnx_pb.js";
import type { Scope } from "./scope.ts";

/** For what the newer version cannot say, or what no model is known to use. */
export const refused =
  (why: string) =>
  (node: NodeProto, scope: Scope): void =>
    scope.refuse(node, why);

/** What pads of a last, cut-off window count for was put right in 19, and ONNX Runtime followed. */
export function averagePool(node: NodeProto, scope: Scope): void {
  if (int(node, "ceil_mode") === 1 && int(node, "count_include_pad") === 1)
    scope.refuse(node, "windows beyond the padding are counted differently");
}

export function batchNormalization7(node: NodeProto, scope: Scope): void {
  if (int(node, "spatial") === 0) scope.refuse(node, "per-position statistics were removed");
  removeAttribute(node, "spatial");
}

/** More than one output means training. */
export function batchNormalization9(node: NodeProto, scope: Scope): void {
  if (node.output.slice(1).some((name) => name !== "")) scope.refuse(node, "it is in training mode");
  node.output.length = 1;
}

/** Until 11 the text had SAME_UPPER and SAME_LOWER the wrong way round. */
export function convTranspose(node: NodeProto, scope: Scope): void {
  if (text(node, "auto_pad")?.startsWith("SAME")) scope.refuse(node, "automatic padding changed sides");
}

/** Exporters name the mask even where nobody reads it. Its type changed, then what it holds outside of training. */
export function dropout(node: NodeProto, scope: Scope): void {
  if (scope.isRead(node.output[1])) scope.refuse(node, "its mask has another meaning");
  node.output.length = 1;
  // An input since 12, and of use in training only.
  removeAttribute(node, "ratio");
}

export function gridSample(node: NodeProto): void {
  const renamed: Record<string, string> = { bilinear: "linear", bicubic: "cubic", nearest: "nearest" };
  setAttribute(node, "mode", renamed[text(node, "mode") ?? "bilinear"] ?? "linear");
}

/** The default moved by half a pixel. */
export function roiAlign(node: NodeProto): void {
  if (!hasAttribute(node, "coordinate_transformation_mode"))
    setAttribute(node, "coordinate_transformation_mode", "output_half_pixel");
}

export function scatter(node: NodeProto): void {
  node.opType = "ScatterElements";
}
