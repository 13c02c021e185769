import type { NodeProto } from "../../models/onnx/proto/onnx_pb.js";
import {
  clip,
  dft,
  moveAxes,
  numberOfOutputs,
  pad,
  reduceAxes,
  slice,
  splitSizes,
  topK,
} from "./attributes-to-inputs.ts";
import { resize10, resize11, upsample7, upsample9 } from "./resize.ts";
import type { Scope } from "./scope.ts";
import {
  averagePool,
  batchNormalization7,
  batchNormalization9,
  convTranspose,
  dropout,
  gridSample,
  refused,
  roiAlign,
  scatter,
} from "./small-changes.ts";
import { flattening } from "./softmax.ts";

/**
 * Rewrites a node, which is its own to change, from the version before to the one that it is listed under. What it
 * cannot say in that version it refuses through `scope.refuse`.
 */
export type Adapter = (node: NodeProto, scope: Scope) => void;

/** Operator → the version at which it began to mean something else → how to say the same there. */
export const ADAPTERS: Readonly<Record<string, Readonly<Record<number, Adapter>>>> = {
  AveragePool: { 19: averagePool },
  BatchNormalization: { 9: batchNormalization7, 14: batchNormalization9 },
  Clip: { 11: clip },
  ConvTranspose: { 11: convTranspose },
  DFT: { 20: dft },
  Dropout: { 12: dropout },
  GridSample: { 20: gridSample },
  GroupNormalization: { 21: refused("its scale became one per channel") },
  Hardmax: { 13: flattening },
  LogSoftmax: { 13: flattening },
  Pad: { 11: pad },
  ReduceL1: { 18: reduceAxes },
  ReduceL2: { 18: reduceAxes },
  ReduceLogSum: { 18: reduceAxes },
  ReduceLogSumExp: { 18: reduceAxes },
  ReduceMax: { 18: reduceAxes },
  ReduceMean: { 18: reduceAxes },
  ReduceMin: { 18: reduceAxes },
  ReduceProd: { 18: reduceAxes },
  ReduceSum: { 13: reduceAxes },
  ReduceSumSquare: { 18: reduceAxes },
  Resize: { 11: resize10, 13: resize11 },
  RoiAlign: { 16: roiAlign },
  Scan: { 9: refused("its batch dimension was removed") },
  Scatter: { 11: scatter },
  Slice: { 10: slice },
  Softmax: { 13: flattening },
  Split: { 13: splitSizes, 18: numberOfOutputs },
  Squeeze: { 13: moveAxes },
  TopK: { 10: topK },
  Unsqueeze: { 13: moveAxes },
  Upsample: { 9: upsample7, 10: upsample9 },
};
