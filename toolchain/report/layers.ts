import type { Graph } from "../../models/onnx/graph.ts";
import type { ModelProto, NodeProto } from "../../models/onnx/proto/onnx_pb.js";
import { bytesOf } from "../../models/onnx/tensor.ts";
import type { ExecutionProvider } from "../../runtime/session/execution-provider.ts";
import type { NamedTensors } from "../../runtime/tensor/tensor.ts";
import type { Calibration } from "../quantize/calibrate/calibrate.ts";
import { BINS, type Histogram } from "../quantize/calibrate/histogram.ts";
import { Observer } from "../quantize/calibrate/observe.ts";
import { type RangeMethod, rangeOf } from "../quantize/calibrate/ranges.ts";
import { boundedSqnrDb } from "../quantize/compare.ts";
import type { QuantizationPlan } from "../quantize/static/plan.ts";
import { resultOf } from "../quantize/static/roles.ts";
import type { LayerReport } from "./report.ts";

const BARS = 64;

interface Layers {
  /** The prepared float model and its quantized form. */
  float: ModelProto;
  quantized: ModelProto;
  /** Of the float model, as all of it could be quantized; and what was. */
  graph: Graph;
  everything: QuantizationPlan;
  exclude: ReadonlySet<string>;
  calibration: Calibration;
  method: RangeMethod;
}

/** A row for each layer with weights. Errors: ERR_MODEL_LOAD, ERR_SESSION_RUN. */
export async function layerReports(
  provider: ExecutionProvider,
  layers: Layers,
  inputs: readonly NamedTensors[],
): Promise<LayerReport[]> {
  const { everything, exclude, graph } = layers;
  const nodes = [...everything.nodes].filter(([, role]) => role === "compute").map(([node]) => node);
  const coded = nodes.filter((node) => !exclude.has(node.output[0] ?? ""));
  const noise = await noiseOf(provider, layers, coded, inputs);
  return nodes.map((node) => {
    const [name = ""] = node.output;
    const histogram = layers.calibration.histograms.get(resultOf(graph, node));
    return {
      ...{ name, operator: node.opType, precision: exclude.has(name) ? "float" : "int8" },
      sqnr_db: noise.get(name) ?? null,
      range: exclude.has(name) || !histogram ? null : rangeOf(histogram, layers.method),
      seen: histogram ? { min: histogram.min, max: histogram.max } : null,
      histogram: histogram ? bars(histogram) : [],
      weights_bytes: weightBytes(graph, node),
    };
  });
}

function weightBytes(graph: Graph, { input }: NodeProto): number {
  const weights = graph.initializer(input[1]);
  return weights ? bytesOf(weights).byteLength : 0;
}

/** SQNR in dB of each layer's result in the quantized model, where it stands behind a DequantizeLinear. */
async function noiseOf(
  provider: ExecutionProvider,
  { float, graph, quantized }: Layers,
  nodes: readonly NodeProto[],
  inputs: readonly NamedTensors[],
): Promise<Map<string, number>> {
  const made = new Set(quantized.graph?.node.flatMap(({ output }) => output));
  const pairs = new Map<string, [string, string, string]>();
  for (const node of nodes) {
    const result = resultOf(graph, node);
    const meaning = graph.isOutput(result) ? result : `${result}_dequantized`;
    if (made.has(meaning)) pairs.set(result, [node.output[0] ?? "", result, meaning]);
  }
  const noise = new Map<string, number>();
  const all = [...pairs.values()];
  for (let at = 0; at < all.length; at += LAYERS_AT_ONCE) {
    await compare(provider, { float, quantized }, all.slice(at, at + LAYERS_AT_ONCE), inputs, noise);
  }
  return noise;
}

/** What bounds the memory: results of so many layers are held at once. */
const LAYERS_AT_ONCE = 8;

async function compare(
  provider: ExecutionProvider,
  models: { float: ModelProto; quantized: ModelProto },
  triples: readonly [layer: string, result: string, meaning: string][],
  inputs: readonly NamedTensors[],
  noise: Map<string, number>,
): Promise<void> {
  const [first] = inputs;
  if (!first) return;
  const float = new Observer(provider, models.float);
  const quantized = new Observer(provider, models.quantized);
  try {
    await float.open(
      triples.map(([, result]) => result),
      first,
    );
    await quantized.open(
      triples.map(([, , meaning]) => meaning),
      first,
    );
    const sums = new Map<string, number>();
    for (const input of inputs) {
      const expected = new Map<string, Float32Array>();
      await float.run(input, (name, values) => expected.set(name, values.slice()));
      await quantized.run(input, (name, values) => {
        const triple = triples.find(([, , meaning]) => meaning === name);
        const wanted = triple && expected.get(triple[1]);
        if (triple && wanted) sums.set(triple[0], (sums.get(triple[0]) ?? 0) + boundedSqnrDb(wanted, values));
      });
    }
    for (const [layer, sum] of sums) noise.set(layer, sum / inputs.length);
  } finally {
    await float.close();
    await quantized.close();
  }
}

/** The histogram's part between min and max, in few equal bars that sum to 1. */
function bars({ counts, limit, max, min }: Histogram): number[] {
  const result = new Array<number>(BARS).fill(0);
  const width = (2 * limit) / BINS;
  let total = 0;
  for (let bin = 0; bin < BINS; bin++) {
    const count = counts[bin] ?? 0;
    if (count === 0) continue;
    const middle = -limit + (bin + 0.5) * width;
    const bar = Math.min(BARS - 1, Math.max(0, Math.floor(((middle - min) / (max - min || 1)) * BARS)));
    result[bar] = (result[bar] ?? 0) + count;
    total += count;
  }
  return result.map((count) => count / (total || 1));
}
