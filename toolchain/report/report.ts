import type { Fusion } from "../quantize/fusion.ts";
import type { TaskScore } from "../quantize/score/task-score.ts";

/** What became of a model when it was quantized: enough to judge it without running it. */
export interface QuantizationReport {
  schema: "sightline.quantization/1";
  model: string;
  /** For which machines; see models/bundle/targets.ts. */
  target: string;
  /** Such as `int8`, `int4 weights`. */
  precision: string;
  settings: Readonly<Record<string, unknown>>;
  images: { calibration: number; held_out: number };
  size_bytes: { float: number; quantized: number };
  /** Median of a run with one thread on the machine that quantized; null when that machine cannot run the target. */
  latency_ms: { float: number; quantized: number } | null;
  machine: string;
  /** On the held-out images. */
  agreement: { sqnr_db: number; outputs: Readonly<Record<string, OutputReport>> };
  score: { metric: TaskScore["metric"]; float: number; quantized: number } | null;
  fusion: Fusion | null;
  layers: readonly LayerReport[];
  /** Why the result is not worth having; empty when it is. */
  refused: readonly string[];
}

/** As `OutputAgreement`, in the spelling of JSON. */
export interface OutputReport {
  sqnr_db: number;
  sqnr_db_min: number;
  top1?: number | undefined;
}

export interface LayerReport {
  /** The layer's first output. */
  name: string;
  operator: string;
  precision: "int8" | "float" | "int4" | "int2";
  /** Of the layer's result against the float model's, with everything before it quantized too; null where not measured. */
  sqnr_db: number | null;
  /** What the codes reach, and what was seen. */
  range: { min: number; max: number } | null;
  seen: { min: number; max: number } | null;
  /** Shares of the values seen, from `seen.min` to `seen.max` in equal bins. */
  histogram: readonly number[];
  weights_bytes: number;
}
