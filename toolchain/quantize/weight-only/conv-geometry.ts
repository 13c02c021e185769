import { ints, text } from "../../../models/onnx/attributes.ts";
import type { NodeProto } from "../../../models/onnx/proto/onnx_pb.js";

/** What of its input each output of a Conv sees; entry i of a list is spatial axis i. */
export interface ConvGeometry {
  kernel: number[];
  strides: number[];
  dilations: number[];
  /** Before the first, by axis, then after the last; left out where `auto` says how to find them. */
  pads: number[];
  auto: string;
}

export function convGeometry(node: NodeProto, [, , ...kernel]: readonly number[]): ConvGeometry {
  const ones = kernel.map(() => 1);
  return {
    kernel,
    strides: ints(node, "strides") ?? ones,
    dilations: ints(node, "dilations") ?? ones,
    pads: ints(node, "pads") ?? kernel.flatMap(() => [0, 0]),
    auto: text(node, "auto_pad") ?? "NOTSET",
  };
}

/** How many outputs an axis has, and how far before the input the first of them begins. */
export function outputsAlong(
  { kernel, strides, dilations, pads, auto }: ConvGeometry,
  axis: number,
  size: number,
): { count: number; before: number } {
  const stride = strides[axis] ?? 1;
  const reach = ((kernel[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1;
  if (auto.startsWith("SAME")) {
    const count = Math.ceil(size / stride);
    const total = Math.max(0, (count - 1) * stride + reach - size);
    return { count, before: auto === "SAME_LOWER" ? Math.ceil(total / 2) : Math.floor(total / 2) };
  }
  const isPadded = auto !== "VALID";
  const before = isPadded ? (pads[axis] ?? 0) : 0;
  const after = isPadded ? (pads[axis + kernel.length] ?? 0) : 0;
  return { count: Math.floor((size + before + after - reach) / stride) + 1, before };
}
