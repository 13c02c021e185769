import type { Graph } from "../../models/onnx/graph.ts";
import type { NodeProto } from "../../models/onnx/proto/onnx_pb.js";
import { dimsOf, elementCount, floatsOf, floatTensor, isFloat } from "../../models/onnx/tensor.ts";

/**
 * Draws a Mul or Add by a constant a channel, or by one for all, into the Conv before it, where ONNX Runtime leaves
 * it: exporters write folded batch norms so. Gives how many nodes went.
 */
export function foldAffine(graph: Graph): number {
  let folded = 0;
  for (let node = nextPair(graph); node; node = nextPair(graph)) {
    fold(graph, node.conv, node.affine, node.factors);
    folded++;
  }
  return folded;
}

interface Pair {
  conv: NodeProto;
  affine: NodeProto;
  /** One a channel of the Conv's output. */
  factors: Float32Array;
}

function nextPair(graph: Graph): Pair | undefined {
  for (const affine of graph.nodes) {
    if (affine.opType !== "Mul" && affine.opType !== "Add") continue;
    for (const [x = "", constant = ""] of [affine.input, affine.input.toReversed()]) {
      const conv = graph.producer(x);
      if (conv?.opType !== "Conv" || graph.consumers(x).length !== 1 || graph.isOutput(x)) continue;
      const factors = perChannel(graph, conv, constant);
      if (factors) return { conv, affine, factors };
    }
  }
  return undefined;
}

/** The constant's value for each channel; undefined where it differs inside a channel or is not known. */
function perChannel(graph: Graph, conv: NodeProto, name: string): Float32Array | undefined {
  const constant = graph.initializer(name);
  const weights = graph.initializer(conv.input[1]);
  const bias = conv.input[2] ? graph.initializer(conv.input[2]) : undefined;
  if (!constant || !weights || !isFloat(constant) || !isFloat(weights) || (conv.input[2] && !bias))
    return undefined;
  const [channels = 0, , ...spatial] = dimsOf(weights);
  const values = floatsOf(constant);
  const dims = dimsOf(constant);
  // More sides than the Conv's output would give the result more, too.
  if (dims.length > spatial.length + 2) return undefined;
  if (elementCount(constant) === 1) return new Float32Array(channels).fill(values[0] ?? 0);
  const channelAxis = dims.length - 1 - spatial.length;
  const isPerChannel = channelAxis >= 0 && dims.every((dim, i) => dim === (i === channelAxis ? channels : 1));
  return isPerChannel ? values : undefined;
}

function fold(graph: Graph, conv: NodeProto, affine: NodeProto, factors: Float32Array): void {
  const isMul = affine.opType === "Mul";
  const weights = graph.initializer(conv.input[1]);
  const bias = graph.initializer(conv.input[2]);
  if (!weights) return;
  const zeros = new Float32Array(factors.length);
  const offsets = (bias ? floatsOf(bias) : zeros).map((b, c) =>
    isMul ? b * (factors[c] ?? 0) : b + (factors[c] ?? 0),
  );
  const name = (part: string): string => graph.uniqueName(`${conv.output[0]}_${part}`);
  if (isMul) {
    const size = elementCount(weights) / factors.length;
    const scaled = floatsOf(weights).map((w, i) => w * (factors[Math.floor(i / size)] ?? 0));
    conv.input[1] = graph.addInitializer(floatTensor(name("weight"), dimsOf(weights), scaled));
  }
  if (!isMul || bias)
    conv.input[2] = graph.addInitializer(floatTensor(name("bias"), [factors.length], offsets));
  conv.output = [...affine.output];
  graph.remove(new Set([affine]));
}
