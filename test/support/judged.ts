import { PASS } from "../../runtime/pipeline/decide.ts";
import type { Box, Detection } from "../../runtime/pipeline/detection.ts";
import type { Judged } from "../../runtime/pipeline/judged.ts";
import { NO_TIME } from "../../runtime/pipeline/timing.ts";
import { aFrame } from "./frames.ts";

/** What the looking stages give for a frame in which nothing was found, but for what is given. */
export function aJudged(given: Partial<Judged> = {}): Judged {
  const { picture: _, release: __, ...frame } = aFrame();
  return {
    frame,
    source: { width: 640, height: 480 },
    detections: [],
    measurements: [],
    decision: PASS,
    verdict: given.decision?.verdict ?? "pass",
    timing: { ...NO_TIME, total: 0 },
    deadlineMs: undefined,
    models: [],
    error: undefined,
    ...given,
  };
}

export const found = (label: string, box: Box = [0, 0, 10, 10], score = 0.9): Detection => ({
  label,
  classId: 0,
  score,
  box,
});
