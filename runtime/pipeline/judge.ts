import { type Clock, msBetween } from "../base/clock.ts";
import { SightlineError } from "../base/errors.ts";
import { type Decision, PASS, UNDECIDED } from "./decide.ts";
import type { Frame } from "./frame.ts";
import type { FrameModels, LeaseModels } from "./frame-models.ts";
import type { Judged } from "./judged.ts";
import { type Scene, wholeView } from "./scene.ts";
import type { JudgingStage, LookingStage } from "./stages/stage.ts";
import { decodePixels } from "./still-image.ts";
import { addTiming, NO_TIME } from "./timing.ts";

export type { Judged } from "./judged.ts";

export interface JudgeOptions {
  /** From capture; a frame that cannot make it is answered with ERR_DEADLINE. */
  deadlineMs?: number | undefined;
}

interface Deps {
  stages: readonly LookingStage[];
  clock: Clock;
  /** Left out where no stage shows the frame to a model. */
  lease?: LeaseModels | undefined;
}

const NO_MODELS: FrameModels = {
  of: (name) => {
    throw new SightlineError("ERR_MODEL_UNKNOWN", `the frame has no model "${name}"`);
  },
  identities: [],
  release: () => {},
};

const UNSEEN = { source: undefined, detections: [], timing: NO_TIME };

/**
 * Leases the frame's models, takes it through the looking stages and releases all. Never rejects: a frame that fails on its way has the
 * verdict `error`.
 */
export async function judge(deps: Deps, frame: Frame, { deadlineMs }: JudgeOptions): Promise<Judged> {
  const { picture, release, worked = () => {}, ...facts } = frame;
  let models = NO_MODELS;
  const finish = (
    { detections, source, timing }: Pick<Scene, "detections" | "source" | "timing">,
    decision: Decision,
    error?: SightlineError,
  ): Judged => {
    const total = msBetween(frame.capturedAtNs, deps.clock.nowNs());
    const seen = { source, detections, measurements: [], timing: { ...timing, total } };
    const { identities } = models;
    return {
      frame: facts,
      ...seen,
      decision,
      verdict: decision.verdict,
      deadlineMs,
      models: identities,
      error,
    };
  };
  try {
    if (frame.lost) throw frame.lost;
    const allowedNs = deadlineMs === undefined ? undefined : BigInt(Math.round(deadlineMs * 1e6));
    const deadlineNs = allowedNs === undefined ? undefined : frame.capturedAtNs + allowedNs;
    const askedNs = deps.clock.nowNs();
    models = (await deps.lease?.()) ?? NO_MODELS;
    const queue = msBetween(askedNs, deps.clock.nowNs());
    let scene = await open(deps, picture, { frame: facts, deadlineNs, models });
    scene = { ...scene, timing: addTiming(scene.timing, { ...NO_TIME, queue }) };
    for (const stage of deps.stages) {
      if (stage.waits) worked();
      scene = await stage.look(scene);
    }
    return finish(scene, PASS);
  } catch (error) {
    return finish(UNSEEN, UNDECIDED, SightlineError.wrap("ERR_FRAME_INVALID", error));
  } finally {
    models.release();
    release();
    worked();
  }
}

async function open(
  { clock, stages }: Deps,
  picture: Frame["picture"],
  given: Pick<Scene, "frame" | "deadlineNs" | "models">,
): Promise<Scene> {
  const begunNs = clock.nowNs();
  const isDecoded = picture.encoding === "still" && stages.some((stage) => stage.needsPixels);
  const opened = isDecoded ? await decodePixels(picture.bytes) : picture;
  const source = opened.encoding === "raw" ? { width: opened.width, height: opened.height } : undefined;
  const timing = { ...NO_TIME, pre: isDecoded ? msBetween(begunNs, clock.nowNs()) : 0 };
  return { ...given, source, view: wholeView(opened), detections: [], timing };
}

/**
 * The judging stages, to be called in the order of the frames. Never throws: what a stage throws is the verdict
 * `error`, and no stage can change that one.
 */
export function conclude(stages: readonly JudgingStage[], judged: Judged): readonly Judged[] {
  const [stage, ...rest] = stages;
  if (!stage) return [judged];
  return judgeBy(stage, judged).flatMap((each) => conclude(rest, each));
}

function judgeBy(stage: JudgingStage, judged: Judged): readonly Judged[] {
  try {
    if (!judged.error) return stage.judge(judged);
    stage.missed?.(judged);
    return [judged];
  } catch (thrown) {
    const error = SightlineError.wrap("ERR_STAGE_RUN", thrown);
    return [{ ...judged, decision: UNDECIDED, verdict: "error", error: judged.error ?? error }];
  }
}
