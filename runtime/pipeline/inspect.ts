import { type Clock, msBetween } from "../base/clock.ts";
import { SightlineError } from "../base/errors.ts";
import type { Admission } from "./admission.ts";
import { type Decision, PASS, UNDECIDED } from "./decide.ts";
import type { Frame } from "./frame.ts";
import type { ModelIdentity } from "./frame-models.ts";
import type { Judged } from "./judged.ts";
import { type Scene, wholeView } from "./scene.ts";
import type { JudgingStage, LookingStage } from "./stages/stage.ts";
import { decodePixels } from "./still-image.ts";
import { NO_TIME } from "./timing.ts";

export type { Judged } from "./judged.ts";

export interface InspectOptions {
  /** From capture; a frame that cannot make it is answered with ERR_DEADLINE. */
  deadlineMs?: number | undefined;
}

interface Deps {
  stages: readonly LookingStage[];
  clock: Clock;
}

const UNSEEN = { source: undefined, detections: [], timing: NO_TIME };

/**
 * Takes an admitted frame through the looking stages; then frame and admission are given back. Never rejects: a frame
 * that fails on its way has the verdict `error`.
 */
export async function inspect(
  deps: Deps,
  { admission, frame }: { frame: Frame; admission: Admission },
  { deadlineMs }: InspectOptions,
): Promise<Judged> {
  const { picture, release, ...facts } = frame;
  let identities: readonly ModelIdentity[] = [];
  const finish = (
    { detections, source, timing }: Pick<Scene, "detections" | "source" | "timing">,
    decision: Decision,
    error?: SightlineError,
  ): Judged => ({
    frame: facts,
    ...{ source, detections, measurements: [] },
    timing: { ...timing, total: msBetween(frame.capturedAtNs, deps.clock.nowNs()) },
    ...{ decision, verdict: decision.verdict, deadlineMs, models: identities, error },
  });
  try {
    if (frame.lost) throw frame.lost;
    const { models } = admission;
    identities = models.identities;
    let scene = await open(deps, picture, {
      frame: facts,
      deadlineNs: deadlineOf(frame, deadlineMs),
      models,
    });
    for (const stage of deps.stages) {
      if (stage.waits) admission.yieldPermit();
      scene = await stage.look(scene);
    }
    return finish(scene, PASS);
  } catch (error) {
    return finish(UNSEEN, UNDECIDED, SightlineError.wrap("ERR_FRAME_INVALID", error));
  } finally {
    admission.release();
    release();
  }
}

const deadlineOf = ({ capturedAtNs }: Frame, deadlineMs: number | undefined): bigint | undefined =>
  deadlineMs === undefined ? undefined : capturedAtNs + BigInt(Math.round(deadlineMs * 1e6));

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
export function judgeInOrder(stages: readonly JudgingStage[], judged: Judged): readonly Judged[] {
  const [stage, ...rest] = stages;
  if (!stage) return [judged];
  return judgeBy(stage, judged).flatMap((each) => judgeInOrder(rest, each));
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
