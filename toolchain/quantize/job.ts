import type { Target } from "../../models/bundle/targets.ts";
import type { Graph } from "../../models/onnx/graph.ts";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { SightlineError } from "../../runtime/base/errors.ts";
import type { ExecutionProvider, LoadOptions } from "../../runtime/session/execution-provider.ts";
import type { NamedTensors } from "../../runtime/tensor/tensor.ts";
import type { Calibration } from "./calibrate/calibrate.ts";
import type { RangeMethod } from "./calibrate/ranges.ts";
import type { TaskScore } from "./score/task-score.ts";

export interface QuantizeDeps {
  provider: ExecutionProvider;
  /** Called often; `of` is 0 where the end is not known. */
  onProgress: (step: string, done: number, of: number) => void;
}

/**
 * `int8`: weights and activations, ranges from calibration. `int8-dynamic`: MatMuls alone, ranges anew in each run. `int4`
 * and `int2`: weights alone.
 */
export type Precision = "int8" | "int8-dynamic" | "int4" | "int2";

export interface QuantizeJob {
  precision: Precision;
  name: string;
  model: ModelProto;
  target: Target;
  /** Whether this machine runs the target: else nothing is said about time, and integer kernels are not used. */
  runsHere: boolean;
  /** CPU and ONNX Runtime, for the report. */
  machine: string;
  /** `inputs` begins anew with each call. */
  calibration: { inputs: () => AsyncIterable<NamedTensors>; count: number };
  /**
   * Complete, with 2 at least, once `calibration.inputs` was through once: every other one chooses the settings, the others
   * judge them.
   */
  heldOut: readonly NamedTensors[];
  /** How values become ranges; left out: the method that does best. */
  method?: RangeMethod | undefined;
  /** What the outputs' SQNR shall reach: layers stay float until it does. */
  minSqnrDb: number;
  /** On labelled pictures, 0 to 1; with the largest drop that is accepted. */
  score?: { of: (model: ModelProto) => Promise<TaskScore>; maxDrop: number } | undefined;
}

/** What there is once the calibration is done. */
export interface Material {
  /** The prepared model, and its graph. */
  float: ModelProto;
  graph: Graph;
  calibration: Calibration;
}

/** Integer kernels of another machine may overflow here: then the pairs are computed as they stand, in float. */
export const evaluation = ({ runsHere }: QuantizeJob): LoadOptions =>
  runsHere ? {} : { optimization: "basic" };

/** The held-out inputs in two. Errors: ERR_QUANTIZE_RANGE when there are not enough for that. */
export function halves({ heldOut }: QuantizeJob): Record<"choosing" | "judging", NamedTensors[]> {
  if (heldOut.length < 2)
    throw new SightlineError("ERR_QUANTIZE_RANGE", "too few pictures", {
      hint: "Give at least 10; 100 to 500 from different hours and parts are better.",
    });
  const half = (remainder: number) => heldOut.filter((_, i) => i % 2 === remainder);
  return { choosing: half(0), judging: half(1) };
}
