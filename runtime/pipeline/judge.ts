import { type Clock, msBetween } from "../base/clock.ts";
import { SightlineError } from "../base/errors.ts";
import { type Decision, decide, type Rule, type Verdict } from "./decide.ts";
import type { Detection } from "./detection.ts";
import type { Size } from "./fit.ts";
import type { Frame } from "./frame.ts";
import type { DetectOptions, Seen } from "./vision-model.ts";

export interface JudgeOptions {
  /** 0 to 1; detections below are not reported. */
  minScore: number;
  rules: readonly Rule[];
  /** From capture; a frame that cannot make it is answered with ERR_DEADLINE. */
  deadlineMs?: number | undefined;
}

/** All that became of one frame. */
export interface Judged {
  frame: Omit<Frame, "picture" | "release">;
  /** Undefined when the frame could not be read. */
  source: Size | undefined;
  detections: readonly Detection[];
  decision: Decision;
  /** The decision's, until a window says otherwise. */
  verdict: Verdict;
  /** Milliseconds; `total` is capture to decision. */
  timing: Seen["timing"] & { total: number };
  deadlineMs: number | undefined;
  error: SightlineError | undefined;
}

interface Deps {
  model: { detect(picture: Frame["picture"], options: DetectOptions): Promise<Seen> };
  clock: Clock;
}

const UNSEEN: Seen = { detections: [], source: undefined, timing: { pre: 0, queue: 0, infer: 0, post: 0 } };
const UNDECIDED: Decision = { verdict: "error", reasons: [], failing: new Set() };

/** Judges one frame and releases it. Never rejects: a frame that fails on its way has the verdict `error`. */
export async function judge({ model, clock }: Deps, frame: Frame, options: JudgeOptions): Promise<Judged> {
  const { picture, release, ...rest } = frame;
  const { deadlineMs, minScore, rules } = options;
  const finish = (seen: Seen, decision: Decision, error?: SightlineError): Judged => {
    const timing = { ...seen.timing, total: msBetween(frame.capturedAtNs, clock.nowNs()) };
    return { ...seen, frame: rest, decision, verdict: decision.verdict, timing, deadlineMs, error };
  };
  try {
    if (frame.lost) throw frame.lost;
    const allowedNs = deadlineMs === undefined ? undefined : BigInt(Math.round(deadlineMs * 1e6));
    const deadlineNs = allowedNs === undefined ? undefined : frame.capturedAtNs + allowedNs;
    const seen = await model.detect(picture, { minScore, deadlineNs });
    return finish(seen, decide(seen.detections, rules));
  } catch (error) {
    return finish(UNSEEN, UNDECIDED, SightlineError.wrap("ERR_FRAME_INVALID", error));
  } finally {
    release();
  }
}
