import { copyModel } from "../../../models/onnx/copy-model.ts";
import { Graph } from "../../../models/onnx/graph.ts";
import type { ModelProto } from "../../../models/onnx/proto/onnx_pb.js";
import { removeUnused } from "../../passes/remove-unused.ts";
import { upgradeOpset } from "../../upgrade/upgrade-opset.ts";
import { type BlockFormat, quantizeBlocks } from "../numerics/blocks.ts";
import { collectHessians, rounds, type WeightCalibration } from "./collect-hessians.ts";
import type { LayerHessian } from "./layer-hessian.ts";
import { rowsOf, type WeightLayer, weightLayers } from "./layers.ts";
import { storeForConv, storeForMatMul } from "./store-weights.ts";

export interface WeightOptions {
  /** Of a weight; convolutions have at least 4; grouped ones, and those of few inputs, 8. */
  bits: 2 | 4 | 8;
  /** Weights that share a scale; left out, 32 in a MatMul and 64 in a Conv, whose codes are the better for more room. */
  blockSize?: 16 | 32 | 64 | 128 | 256;
  /** Without zero points: a little smaller, and worse. */
  symmetric?: boolean;
  /** Layers that stay float, by their first output. */
  exclude?: ReadonlySet<string>;
}

/** Convolutions read blocks of 4 bits since 21. */
const BLOCKS_OPSET = 21;

/**
 * A prepared float model (see `prepareFloat`) with its weights in 2, 4 or 8 bits; activations stay float. MatMul and
 * Gemm become ONNX Runtime's MatMulNBits; a Conv's weights stand behind DequantizeLinear, which makes them floats in
 * each run: small on disk and in memory, and slower. With `calibration` codes are chosen by GPTQ, so that errors make
 * up for each other on these inputs; else each weight is rounded to nearest. Embeddings (Gather) are left.
 * Errors: ERR_ONNX_OPSET (the model has convolutions and cannot be converted to opset 21), ERR_QUANTIZE_RANGE,
 * ERR_MODEL_LOAD, ERR_SESSION_RUN, and those of the calibration inputs.
 */
export async function quantizeWeights(
  model: ModelProto,
  { bits, blockSize, symmetric = false, exclude }: WeightOptions,
  calibration?: WeightCalibration,
): Promise<ModelProto> {
  const copy = copyModel(model);
  if (weightLayers(new Graph(copy), exclude).some(({ geometry }) => geometry))
    upgradeOpset(copy, BLOCKS_OPSET);
  const graph = new Graph(copy);
  const layers = weightLayers(graph, exclude);
  for (const round of rounds(layers)) {
    const hessians = calibration && (await collectHessians(model, round, calibration));
    for (const layer of round) {
      const format = { bits, blockSize: blockSize ?? (layer.geometry ? 64 : 32), symmetric };
      storeLayer(graph, layer, format, hessians?.get(layer));
    }
  }
  if (graph.nodes.some(({ opType }) => opType === "MatMulNBits")) graph.setOpset("com.microsoft", 1);
  removeUnused(graph);
  graph.sort();
  return copy;
}

function storeLayer(graph: Graph, layer: WeightLayer, format: BlockFormat, hessian?: LayerHessian): void {
  const rows = rowsOf(layer);
  const own: BlockFormat = { ...format, bits: bitsOf(layer, format) };
  const blocks = hessian ? hessian.quantize(rows, own) : quantizeBlocks(rows, own);
  if (layer.geometry) storeForConv(graph, layer, blocks);
  else storeForMatMul(graph, layer, blocks);
}

/** Convolutions with rows below this are few weights and much of a model's error: depthwise ones, the first ones. */
const CONV_MIN_K = 64;

function bitsOf({ geometry, isGrouped, k }: WeightLayer, { bits }: BlockFormat): BlockFormat["bits"] {
  if (!geometry) return bits;
  if (isGrouped || k < CONV_MIN_K) return 8;
  // ONNX Runtime has 2-bit weights in MatMulNBits alone.
  return bits === 2 ? 4 : bits;
}
