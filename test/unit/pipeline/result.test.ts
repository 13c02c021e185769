import { expect, test } from "vitest";
import { SightlineError } from "../../../runtime/base/errors.ts";
import { ANY_DETECTION_FAILS, decide } from "../../../runtime/pipeline/decide.ts";
import type { Detection } from "../../../runtime/pipeline/detection.ts";
import type { Judged } from "../../../runtime/pipeline/judged.ts";
import { buildResult } from "../../../runtime/pipeline/result.ts";
import { aFrame } from "../../support/frames.ts";

const PROVENANCE = {
  device: "insp-07",
  boot_id: "0e5b6f0a-3a0e-4b3e-8a55-0c3a7a8f9d11",
};
const MODELS = [{ name: "pcb-aoi", version: "10.20.30", sha256: "a".repeat(64) }];
const TIMING = { pre: 1.23456, queue: 0.001, infer: 20.005, post: 0.999, total: 25.5551 };

/** Detections that take as many characters as real ones can. */
const wide = (count: number): Detection[] =>
  Array.from({ length: count }, (_, i) => ({
    label: `cracked-solder-${i % 10}`,
    classId: 10 + (i % 10),
    score: 0.987654,
    box: [1234.5678 + i, 1034.5678, 2345.6789 + i, 2145.6789],
  }));

function judged(detections: Detection[], given: Partial<Judged> = {}): Judged {
  const decision = decide(detections, ANY_DETECTION_FAILS);
  const {
    picture: _,
    release: __,
    ...frame
  } = aFrame({
    id: 1_234_567,
    capturedAtMs: Date.UTC(2026, 4, 6, 7, 8, 9, 10),
    dropsBefore: 2,
    origin: "/var/lib/sightline/pictures/line-1/board-000123.jpg",
  });
  return {
    frame,
    source: { width: 4096, height: 3072 },
    detections,
    measurements: [],
    decision,
    verdict: decision.verdict,
    timing: TIMING,
    deadlineMs: undefined,
    models: MODELS,
    error: undefined,
    ...given,
  };
}

test("says what was seen, when, by what, rounded to what is meant", () => {
  const box = [10.04, 20.06, 30.049, 40] as const;
  const result = buildResult(
    "top",
    judged([{ label: "short", classId: 1, score: 0.98766, box }]),
    PROVENANCE,
  );
  expect(result).toMatchObject({
    schema: "inspection.result/1",
    device: "insp-07",
    pipeline: "top",
    camera: "cam",
    ts: "2026-05-06T07:08:09.010Z",
    ts_ms: Date.UTC(2026, 4, 6, 7, 8, 9, 10),
    frame: { id: 1_234_567, w: 4096, h: 3072, drops_before: 2 },
    verdict: "fail",
    frame_verdict: "fail",
    evaluation: 2,
    reasons: ["1 short"],
    error: null,
    score: 0.9877,
    detections: [
      { label: "short", class_id: 1, score: 0.9877, box_px: [10, 20.1, 30, 40], area_px: 399, fails: true },
    ],
    truncated: false,
    timing_ms: { queue: 0, pre: 1.23, post: 1, total: 25.56, deadline: null, deadline_missed: false },
  });
  expect(result.timing_ms.infer).toBeCloseTo(20.005, 2);
});

test("50 detections are all there, and fit into 8 KiB", () => {
  const result = buildResult("top-side-camera", judged(wide(50)), PROVENANCE);
  expect(result.detections).toHaveLength(50);
  expect(result.truncated).toBe(false);
  expect(Buffer.byteLength(JSON.stringify({ ...result, seq: 123_456_789 }))).toBeLessThan(8 * 1024);
});

test("of more the first 50 are kept, and it says so; verdict and score are those of all", () => {
  const all = wide(1_000);
  const result = buildResult("top", judged(all), PROVENANCE);
  expect(result.detections).toHaveLength(50);
  expect(result.detections[49]?.box_px[0]).toBe(1283.6);
  expect(result).toMatchObject({ truncated: true, verdict: "fail", score: 0.9877 });
  expect(result.reasons.join()).toMatch(/^100 cracked-solder-0, /);
  expect(Buffer.byteLength(JSON.stringify(result))).toBeLessThan(8 * 1024);
});

test.each([
  [25.5551, false],
  [25.555, true],
  [1_000, false],
  [undefined, false],
])("with a deadline of %s ms, missed is %s", (deadlineMs, missed) => {
  const { timing_ms } = buildResult("top", judged([], { deadlineMs }), PROVENANCE);
  expect(timing_ms).toMatchObject({ deadline: deadlineMs ?? null, deadline_missed: missed });
});

test("a window's verdict stands beside the frame's", () => {
  const result = buildResult("top", judged(wide(1), { verdict: "pass" }), PROVENANCE);
  expect(result).toMatchObject({ verdict: "pass", frame_verdict: "fail", evaluation: 1 });
});

test("a frame in error has its code, message and hint, and neither size nor score", () => {
  const error = new SightlineError("ERR_IMAGE_EMPTY", "0 bytes");
  const undecided = { verdict: "error", reasons: [], failing: new Set<Detection>() } as const;
  const broken = judged([], {
    source: undefined,
    error,
    verdict: "error",
    decision: { ...undecided, reasons: [] },
  });
  expect(buildResult("top", broken, PROVENANCE)).toMatchObject({
    verdict: "error",
    evaluation: 0,
    frame: { w: null, h: null },
    reasons: ["ERR_IMAGE_EMPTY: 0 bytes"],
    error: { code: "ERR_IMAGE_EMPTY", message: "0 bytes", hint: error.hint },
    score: 0,
    detections: [],
  });
});

test("each result has an id of its own that sorts by time of capture", () => {
  const early = judged([]);
  const late = judged([]);
  late.frame.capturedAtMs += 1;
  const ids = [early, early, late].map((j) => buildResult("top", j, PROVENANCE).id);
  expect(new Set(ids).size).toBe(3);
  expect((ids[2] ?? "") > (ids[0] ?? "") && (ids[2] ?? "") > (ids[1] ?? "")).toBe(true);
});

test("a frame that its sender named has the same id wherever and whenever it is judged, a pipeline each", () => {
  const named = (sourceId: string, capturedAtMs: number, sourceTimeMs?: number): Judged => {
    const one = judged([]);
    return { ...one, frame: { ...one.frame, sourceId, capturedAtMs, sourceTimeMs } };
  };
  const id = (pipeline: string, one: Judged) => buildResult(pipeline, one, PROVENANCE).id;
  const first = id("top", named("4711", 1_000));
  expect(first).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(id("top", named("4711", 2_000))).toBe(first);
  const others = [
    id("side", named("4711", 1_000)),
    id("top", named("4712", 1_000)),
    id("top", named("4711", 1_000, 1_000)),
    id("top", named("4711", 2_000, 2_000)),
  ];
  expect(new Set([first, ...others]).size).toBe(5);
});

test("part and trigger are carried to the result", () => {
  const one = judged([]);
  const told = { ...one, frame: { ...one.frame, partId: "SN123", triggerId: "4410", sourceId: "f1" } };
  expect(buildResult("top", told, PROVENANCE)).toMatchObject({
    part_id: "SN123",
    frame: { trigger_id: "4410", source_id: "f1" },
  });
  expect(buildResult("top", one, PROVENANCE)).toMatchObject({
    part_id: null,
    frame: { trigger_id: null, source_id: null },
  });
});
