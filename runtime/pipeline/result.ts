import type { ErrorRecord } from "../base/errors.ts";
import { uuidV7 } from "../base/uuid-v7.ts";
import { uuidV8 } from "../base/uuid-v8.ts";
import type { Verdict } from "./decide.ts";
import { areaOf, type Detection } from "./detection.ts";
import type { Judged } from "./judged.ts";

/** What identifies the device in every result. */
export interface Provenance {
  device: string;
  boot_id: string;
}

/** A picture that is kept of the frame. */
export interface EvidenceLink {
  kind: "raw" | "annotated";
  /** Below the evidence folder, and below `/evidence/` by HTTP. */
  path: string;
  /** `pending`: was still being written when the result was stored; then its digest is not known here. */
  state: "written" | "pending";
  sha256: string | null;
  bytes: number | null;
}

/** OPC 40001-101 result evaluation. */
const EVALUATION: Record<Verdict, number> = { error: 0, pass: 1, fail: 2, review: 3 };

/** Keeps a result under 8 KiB, also with labels of 16 letters in a picture of 4,096 pixels; keypoints come on top. */
const DETECTIONS_MAX = 50;

/** The payload `inspection.result/1`, but for `seq`, which the store gives. Keys are only ever added. */
export function buildResult(pipeline: string, judged: Judged, provenance: Provenance) {
  const { frame, decision, verdict, timing, deadlineMs } = judged;
  return {
    schema: "inspection.result/1",
    id: resultId(pipeline, frame),
    boot_id: provenance.boot_id,
    device: provenance.device,
    pipeline,
    camera: frame.camera,
    ts: new Date(frame.capturedAtMs).toISOString(),
    ts_ms: frame.capturedAtMs,
    frame: {
      id: frame.id,
      w: judged.source?.width ?? null,
      h: judged.source?.height ?? null,
      drops_before: frame.dropsBefore,
      origin: frame.origin ?? null,
      trigger_id: frame.triggerId ?? null,
      source_id: frame.sourceId ?? null,
    },
    part_id: frame.partId ?? null,
    verdict,
    frame_verdict: decision.verdict,
    evaluation: EVALUATION[verdict],
    reasons: judged.error ? [`${judged.error.code}: ${judged.error.message}`] : decision.reasons,
    error: judged.error?.toRecord() ?? null,
    score: round(Math.max(0, ...judged.detections.map((d) => d.score)), 4),
    detections: judged.detections.slice(0, DETECTIONS_MAX).map((d) => ({
      label: d.label,
      class_id: d.classId,
      score: round(d.score, 4),
      box_px: d.box.map((v) => round(v, 1)),
      area_px: Math.round(areaOf(d)),
      fails: decision.failing.has(d),
      ...extras(d),
    })),
    truncated: judged.detections.length > DETECTIONS_MAX,
    measurements: judged.measurements.map((m) => ({
      ...m,
      value: m.value === null ? null : round(m.value, 4),
    })),
    part: judged.part ?? null,
    models: judged.models,
    timing_ms: {
      queue: round(timing.queue, 2),
      pre: round(timing.pre, 2),
      infer: round(timing.infer, 2),
      post: round(timing.post, 2),
      total: round(timing.total, 2),
      deadline: deadlineMs ?? null,
      deadline_missed: deadlineMs !== undefined && timing.total > deadlineMs,
    },
    evidence: [] as readonly EvidenceLink[],
    evidence_error: null as ErrorRecord | null,
    replayed: false,
    simulated: false,
  };
}

/**
 * A frame that its sender named gets an id made from what the sender said alone: who judges it twice, or after
 * another device was killed, says the same id, and consumers drop it. Any other frame gets an id of its own.
 */
function resultId(
  pipeline: string,
  { camera, capturedAtMs, sourceId, sourceTimeMs }: Judged["frame"],
): string {
  if (sourceId === undefined) return uuidV7(capturedAtMs);
  return uuidV8(JSON.stringify([pipeline, camera, sourceId, sourceTimeMs ?? null]));
}

/** What only some models and stages add. */
function extras({ attributes, keypoints }: Detection) {
  const points = keypoints?.map(({ at, score }) => [round(at[0], 1), round(at[1], 1), round(score, 4)]);
  return { ...(attributes && { attributes }), ...(points && { keypoints_px: points }) };
}

export type InspectionResult = ReturnType<typeof buildResult>;

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
