import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { encodeModel } from "../../models/onnx/write-model.ts";
import type { NamedTensors } from "../../runtime/tensor/tensor.ts";
import type { LayerReport, OutputReport, QuantizationReport } from "../report/report.ts";
import { type Agreement, Reference } from "./agreement.ts";
import { fusionOf } from "./fusion.ts";
import { evaluation, halves, type QuantizeDeps, type QuantizeJob } from "./job.ts";
import { latenciesMs } from "./latency.ts";

/** What there is to be judged. */
export interface Candidate {
  /** The prepared model, and what was made of it. */
  float: ModelProto;
  model: ModelProto;
  settings: QuantizationReport["settings"];
  /** Calibration images. */
  images: number;
  /** `inputs` are a few of those that judge. */
  layers: (inputs: readonly NamedTensors[]) => Promise<LayerReport[]>;
}

/** Measures a quantized model on the half of the held-out inputs that chose nothing. */
export async function judge(
  deps: QuantizeDeps,
  job: QuantizeJob,
  { float, images, layers, model, settings }: Candidate,
): Promise<QuantizationReport> {
  const { provider } = deps;
  const { judging: half } = halves(job);
  const agreement = await (await Reference.of(provider, float, half)).compare(model, evaluation(job));
  deps.onProgress("measure", 0, 0);
  const [floatMs = 0, quantizedMs = 0] = job.runsHere
    ? await latenciesMs(provider, [float, model], half[0] ?? {})
    : [];
  const scores = job.score && { before: await job.score.of(float), after: await job.score.of(model) };
  const report: QuantizationReport = {
    schema: "sightline.quantization/1",
    model: job.name,
    target: job.target,
    precision: job.precision,
    settings: { ...settings, min_sqnr_db: job.minSqnrDb },
    images: { calibration: images, held_out: half.length },
    size_bytes: { float: encodeModel(float).byteLength, quantized: encodeModel(model).byteLength },
    latency_ms: job.runsHere ? { float: floatMs, quantized: quantizedMs } : null,
    machine: job.machine,
    agreement: { sqnr_db: agreement.sqnrDb, outputs: outputReports(agreement) },
    score: scores
      ? { metric: scores.before.metric, float: scores.before.score, quantized: scores.after.score }
      : null,
    fusion: job.runsHere ? await fusionOf(model, provider) : null,
    layers: await layers(half.slice(0, LAYER_INPUTS)),
    refused: [],
  };
  return { ...report, refused: reasonsAgainst(report, job) };
}

const LAYER_INPUTS = 4;

const outputReports = ({ outputs }: Agreement): Record<string, OutputReport> =>
  Object.fromEntries(
    Object.entries(outputs).map(([name, { sqnrDb, sqnrDbMin, top1 }]) => [
      name,
      { sqnr_db: sqnrDb, sqnr_db_min: sqnrDbMin, ...(top1 !== undefined && { top1 }) },
    ]),
  );

function reasonsAgainst({ agreement, latency_ms, score }: QuantizationReport, job: QuantizeJob): string[] {
  const reasons: string[] = [];
  if (latency_ms && latency_ms.quantized > latency_ms.float)
    reasons.push(
      `slower than float: ${latency_ms.quantized.toFixed(1)} against ${latency_ms.float.toFixed(1)} ms`,
    );
  if (!(agreement.sqnr_db >= job.minSqnrDb))
    reasons.push(`outputs have ${agreement.sqnr_db.toFixed(1)} dB SQNR, required are ${job.minSqnrDb}`);
  const drop = score ? score.float - score.quantized : 0;
  if (job.score && drop > job.score.maxDrop)
    reasons.push(
      `${score?.metric} drops by ${(drop * 100).toFixed(2)} points, allowed are ${job.score.maxDrop * 100}`,
    );
  return reasons;
}
