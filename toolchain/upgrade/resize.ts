import { attribute, removeAttribute, setAttribute, text } from "../../models/onnx/attributes.ts";
import type { NodeProto } from "../../models/onnx/proto/onnx_pb.js";
import { elementCount, floatsOf, floatTensor } from "../../models/onnx/tensor.ts";
import type { Scope } from "./scope.ts";

export function upsample7(node: NodeProto, scope: Scope): void {
  const scales = Float32Array.from(attribute(node, "scales")?.floats ?? []);
  removeAttribute(node, "scales");
  node.input[1] = scope.add(floatTensor(`${node.output[0]}_scales`, [scales.length], scales));
}

/** Resize of version 10 is Upsample of version 9 under a new name that may shrink as well. */
export function upsample9(node: NodeProto): void {
  node.opType = "Resize";
}

/**
 * Before 11 a pixel's place was divided by the scale, without half a pixel. ONNX left the nearest pixel open; ONNX
 * Runtime takes the one below when a picture grows, the one above when it shrinks (`UpsampleBase`,
 * `NearestMode::SIMPLE`), which one node of version 11 says only where it does not do both.
 */
export function resize10(node: NodeProto, scope: Scope): void {
  if ((text(node, "mode") ?? "nearest") === "nearest")
    setAttribute(node, "nearest_mode", nearestMode(node, scope));
  setAttribute(node, "coordinate_transformation_mode", "asymmetric");
  const [input = "", scales = ""] = node.input;
  const noRegion = scope.add(floatTensor(`${node.output[0]}_roi`, [0], new Float32Array(0)));
  node.input = [input, noRegion, scales];
}

function nearestMode(node: NodeProto, scope: Scope): "floor" | "ceil" {
  const constant = scope.constantOf(node.input[1]);
  const scales = constant && floatsOf(constant);
  if (scales?.every((scale) => scale >= 1)) return "floor";
  if (scales?.every((scale) => scale <= 1)) return "ceil";
  return scope.refuse(node, "it is not known whether it enlarges or reduces its input");
}

/** Inputs that are not used became optional; before, they had to be there and empty. */
export function resize11(node: NodeProto, scope: Scope): void {
  if (text(node, "coordinate_transformation_mode") === "tf_half_pixel_for_nn") {
    scope.refuse(node, "its coordinate mode tf_half_pixel_for_nn was removed");
  }
  node.input = node.input.map((name, place) => {
    const constant = place > 0 ? scope.constantOf(name) : undefined;
    return constant && elementCount(constant) === 0 ? "" : name;
  });
}
