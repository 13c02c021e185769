import { expect, test } from "vitest";
import { silentLogger } from "../../../runtime/base/logger.ts";
import type { Admission } from "../../../runtime/pipeline/admission.ts";
import type { StageSpec } from "../../../runtime/pipeline/stages/build-stages.ts";
import { Camera } from "../../../services/camera/camera.ts";
import { PushSource } from "../../../services/camera/push-source.ts";
import { Line, type LineOptions } from "../../../services/line/line.ts";
import type { StoredResult } from "../../../services/line/recorder.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const PICTURE = { picture: { encoding: "still", bytes: Uint8Array.of(1) } } as const;

/** Each frame has as many findings as its number in the picture's one byte; rules say how many may pass. */
const rules = (max: number): StageSpec[] => [
  { stage: "detect", model: "counter" },
  { stage: "rules", rules: [{ expect: { min: 0, max }, verdict: "fail" }] },
];

const pipeline = (max: number) => ({ stages: rules(max), minScore: 0.5, deadlineMs: undefined, scale: {} });

/** A line with a camera whose frames are pushed. Its model answers a frame when the test lets it. */
function setUp(pipelines: LineOptions["pipelines"], pipelinesMax = Number.POSITIVE_INFINITY) {
  const clock = new FakeClock();
  const statuses: string[] = [];
  const stored: { pipeline: string; frame: number; verdict: string }[] = [];
  const answers: (() => void)[] = [];
  const state = { isHeld: false };
  const senders = new PushSource<StoredResult>({ clock }, { camera: "cam", pendingMax: 100 });
  const camera = new Camera(
    { clock, logger: silentLogger, source: senders, onStatus: (s) => statuses.push(s), onEvent: () => {} },
    { id: "cam", mode: "triggered", buffer: 8 },
  );
  const model = {
    options: { input: { width: 8, height: 8 } },
    detect: async () => {
      if (state.isHeld) await new Promise<void>((resolve) => answers.push(resolve));
      const detection = { label: "hole", classId: 0, score: 0.9, box: [0, 0, 1, 1] } as const;
      const timing = { pre: 0, queue: 0, infer: 0, post: 0 };
      return { detections: [detection, detection], source: { width: 8, height: 8 }, timing };
    },
  };
  const admission = {
    ...{ hasWaited: false, yieldPermit: () => {}, release: () => {} },
    models: { of: () => model, identities: [], release: () => {} },
  } as unknown as Admission;
  const line = new Line(
    {
      ...{ clock, logger: silentLogger, kernels: {} as never, inFlight: 2, runsPerFrame: 1, liveSideMax: 9 },
      store: {
        append: async ({ payload, pipeline: name, verdict }) => {
          stored.push({ pipeline: name, frame: (payload as StoredResult).frame.id, verdict });
          return stored.length;
        },
      },
      evidence: { keep: async () => ({ links: [], error: null }) },
      admit: () => async () => admission,
      ...{ provenance: { device: "d", boot_id: "b" }, stagesFolder: undefined, onResult: () => {} },
    },
    { camera, senders, pipelinesMax, intake: undefined, live: undefined },
    { id: "cam", camera: {}, pipelines },
  );
  const next = (wanted: LineOptions["pipelines"], other: object = {}) => ({
    ...{ id: "cam", camera: other, pipelines: wanted },
  });
  const of = (name: string) => stored.filter((each) => each.pipeline === name);
  return { answers, line, next, of, senders, state, statuses };
}

test("other rules take over what waits: no frame is lost, and the camera goes on", async () => {
  const { answers, line, next, of, senders, state, statuses } = setUp({ a: pipeline(1), b: pipeline(1) });
  await line.open();
  line.start();
  await Promise.all([senders.push(PICTURE), senders.push(PICTURE)]);
  state.isHeld = true;
  const pushed = [1, 2, 3, 4, 5].map(() => senders.push(PICTURE));
  await new Promise((resolve) => setImmediate(resolve));
  const change = await line.prepare(next({ a: pipeline(2), b: pipeline(1) }));
  const applied = change?.apply();
  state.isHeld = false;
  for (const answer of answers) answer();
  await applied;
  await Promise.all(pushed);
  await senders.push(PICTURE);
  for (const name of ["a", "b"]) {
    expect(of(name).map(({ frame }) => frame)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  }
  expect(of("b").every(({ verdict }) => verdict === "fail")).toBe(true);
  const verdicts = of("a").map(({ verdict }) => verdict);
  // What was in flight is judged by the rules of before.
  expect(verdicts.slice(0, 3)).toEqual(["fail", "fail", "fail"]);
  expect(verdicts.slice(-3)).toEqual(["pass", "pass", "pass"]);
  expect(statuses).toEqual(["online"]);
  await line.stop();
});

test("a pipeline comes and another goes while the camera goes on; senders wait for those that there are", async () => {
  const { line, next, of, senders, statuses } = setUp({ a: pipeline(1), b: pipeline(1) });
  await line.open();
  line.start();
  await senders.push(PICTURE);
  await (await line.prepare(next({ a: pipeline(1), c: pipeline(1) })))?.apply();
  expect((await senders.push(PICTURE)).map((answer) => answer.pipeline)).toEqual(["a", "c"]);
  expect(of("b").map(({ frame }) => frame)).toEqual([1]);
  expect(of("c").map(({ frame }) => frame)).toEqual([2]);
  expect(statuses).toEqual(["online"]);
  await line.stop();
  expect(line.hasEnded).toBe(true);
});

test.each([
  ["another camera", 2, { a: pipeline(1) }, { fps: 9 }],
  ["more pipelines than its blocks are for", 1, { a: pipeline(1), b: pipeline(1) }, {}],
  ["nobody who watches", 2, {}, {}],
])("%s needs a new line", async (_, pipelinesMax, pipelines, camera) => {
  const { line, next } = setUp({ a: pipeline(1) }, pipelinesMax);
  await line.open();
  line.start();
  expect(await line.prepare(next(pipelines as LineOptions["pipelines"], camera))).toBeUndefined();
  await line.stop();
});

test("stages that cannot be built change nothing", async () => {
  const { line, next, of, senders } = setUp({ a: pipeline(1) });
  await line.open();
  line.start();
  const broken = { ...pipeline(1), stages: [{ stage: "custom", name: "x", options: {} }] as StageSpec[] };
  await expect(line.prepare(next({ a: broken }))).rejects.toMatchObject({ code: "ERR_STAGE_LOAD" });
  await senders.push(PICTURE);
  expect(of("a")).toHaveLength(1);
  await line.stop();
});
