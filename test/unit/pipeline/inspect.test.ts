import { expect, test } from "vitest";
import { SightlineError } from "../../../runtime/base/errors.ts";
import { freeAdmission } from "../../../runtime/pipeline/admission.ts";
import { ANY_DETECTION_FAILS } from "../../../runtime/pipeline/decide.ts";
import type { Frame } from "../../../runtime/pipeline/frame.ts";
import { inspect, judgeInOrder } from "../../../runtime/pipeline/inspect.ts";
import { detectStage } from "../../../runtime/pipeline/stages/detect.ts";
import { rulesStage } from "../../../runtime/pipeline/stages/rules.ts";
import type { DetectOptions, Seen } from "../../../runtime/pipeline/vision-model.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { aFrame } from "../../support/frames.ts";

const SEEN: Seen = {
  detections: [{ label: "dent", classId: 0, score: 0.9, box: [1, 2, 3, 4] }],
  source: { width: 64, height: 48 },
  timing: { pre: 1, queue: 2, infer: 3, post: 4 },
};

/** Judges one frame by a model that takes 40 ms and then does as it is told. */
async function judgeWith(detect: () => Seen, given: Partial<Frame> = {}, deadlineMs?: number) {
  const clock = new FakeClock();
  clock.ns = 1_000_000_000n;
  const asked: DetectOptions[] = [];
  let releases = 0;
  const model = {
    options: { input: { width: 64, height: 48 } },
    async detect(_: unknown, options: DetectOptions): Promise<Seen> {
      expect(releases).toBe(0);
      asked.push(options);
      await Promise.resolve();
      clock.advance(40);
      return detect();
    },
  };
  const frame = aFrame({ capturedAtNs: 990_000_000n, release: () => releases++, ...given });
  let admissionsReleased = 0;
  const admission = { ...freeAdmission, release: () => void admissionsReleased++ };
  const deps = { modelOf: () => model, runsPerFrame: 1, clock };
  const stages = [detectStage(deps, { min_score: 0.3 })];
  const seen = await inspect({ stages, clock }, { frame, admission }, { deadlineMs });
  expect(admissionsReleased).toBe(1);
  const [judged = seen] = judgeInOrder([rulesStage({ rules: ANY_DETECTION_FAILS }, {})], seen);
  return { asked, judged, releases };
}

const fails = (error: unknown) => (): never => {
  throw error;
};

test("what the model saw is decided, timed from capture, and the frame released once", async () => {
  const { asked, judged, releases } = await judgeWith(() => SEEN);
  expect(judged).toMatchObject({
    verdict: "fail",
    source: { width: 64, height: 48 },
    timing: { pre: 1, queue: 2, infer: 3, post: 4, total: 50 },
    error: undefined,
    deadlineMs: undefined,
  });
  expect(judged.decision.reasons).toEqual(["1 dent"]);
  expect(asked).toEqual([{ minScore: 0.3, source: "cam" }]);
  expect(releases).toBe(1);
});

test("a deadline counts from capture, and is told to the model", async () => {
  const { asked, judged } = await judgeWith(() => SEEN, {}, 12.5);
  expect(asked[0]?.deadlineNs).toBe(1_002_500_000n);
  expect(judged.deadlineMs).toBe(12.5);
});

test("a lost frame is not shown to the model, and answered with what lost it", async () => {
  const lost = new SightlineError("ERR_IMAGE_READ", "gone");
  const { asked, judged, releases } = await judgeWith(() => SEEN, { lost });
  expect(asked).toEqual([]);
  expect(judged).toMatchObject({ verdict: "error", detections: [], source: undefined, error: lost });
  expect(releases).toBe(1);
});

test.each([
  ["that is too late", new SightlineError("ERR_DEADLINE", "too late"), "ERR_DEADLINE"],
  ["whose run fails", new SightlineError("ERR_SESSION_RUN", "broken"), "ERR_SESSION_RUN"],
  ["that meets a defect", new TypeError("not a function"), "ERR_FRAME_INVALID"],
  ["that meets something thrown", "a text", "ERR_FRAME_INVALID"],
])("a frame %s has the verdict error, and is released once", async (_, error, code) => {
  const { judged, releases } = await judgeWith(fails(error), {}, 100);
  expect(judged).toMatchObject({ verdict: "error", detections: [], source: undefined, deadlineMs: 100 });
  expect(judged.decision).toMatchObject({ verdict: "error", reasons: [] });
  expect(judged.error?.code).toBe(code);
  expect(judged.timing.total).toBe(50);
  expect(releases).toBe(1);
});

test("what is kept of a frame holds neither its picture nor its release", async () => {
  const { judged } = await judgeWith(() => SEEN);
  expect(Object.keys(judged.frame).sort()).toEqual(
    ["camera", "capturedAtMs", "capturedAtNs", "dropsBefore", "id", "lost", "origin"].sort(),
  );
});
