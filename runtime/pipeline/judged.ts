import type { SightlineError } from "../base/errors.ts";
import type { Decision, Verdict } from "./decide.ts";
import type { Detection } from "./detection.ts";
import type { Size } from "./fit.ts";
import type { ModelIdentity } from "./frame-models.ts";
import type { Measurement } from "./measure.ts";
import type { FrameFacts } from "./scene.ts";
import type { Timing } from "./timing.ts";

/** All that became of one frame, or of one part that several frames showed. */
export interface Judged {
  frame: FrameFacts;
  /** Undefined when the frame could not be read. */
  source: Size | undefined;
  detections: readonly Detection[];
  measurements: readonly Measurement[];
  decision: Decision;
  /** The decision's, until a window says otherwise. */
  verdict: Verdict;
  /** Set when frames were judged together, as one part. */
  part?: { track: number; frames: number } | undefined;
  /** Milliseconds; `total` is capture to decision. */
  timing: Timing & { total: number };
  deadlineMs: number | undefined;
  /** The versions that looked at it; none when the frame failed before it had them. */
  models: readonly ModelIdentity[];
  error: SightlineError | undefined;
}
