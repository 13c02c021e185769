import { int, setAttribute } from "../../models/onnx/attributes.ts";
import { makeNode } from "../../models/onnx/graph.ts";
import type { NodeProto } from "../../models/onnx/proto/onnx_pb.js";
import type { Scope } from "./scope.ts";

/**
 * Softmax, LogSoftmax and Hardmax took all axes from `axis` on for one until 13, and take one axis since. That is the
 * same where `axis` is the last; else the tensor is flattened around it.
 */
export function flattening(node: NodeProto, scope: Scope): void {
  const axis = int(node, "axis") ?? 1;
  const rank = scope.rankOf(node.input[0]) ?? scope.rankOf(node.output[0]);
  setAttribute(node, "axis", -1);
  if (axis === -1 || axis + 1 === rank) return;
  const [input = "", output = ""] = [node.input[0], node.output[0]];
  const [flat, result, shape] = ["flat", "result", "shape"].map((part) =>
    scope.uniqueName(`${output}_${part}`),
  ) as [string, string, string];
  scope.before(
    makeNode("Shape", { name: shape, inputs: [input], outputs: [shape] }),
    makeNode("Flatten", { name: flat, inputs: [input], outputs: [flat] }, { axis }),
  );
  node.input = [flat];
  node.output = [result];
  scope.after(makeNode("Reshape", { name: `${output}_shaped`, inputs: [result, shape], outputs: [output] }));
}
