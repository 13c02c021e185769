import { expect, test } from "vitest";
import { freeAdmission } from "../../../runtime/pipeline/admission.ts";
import { ANY_DETECTION_FAILS } from "../../../runtime/pipeline/decide.ts";
import type { Frame } from "../../../runtime/pipeline/frame.ts";
import type { Judged } from "../../../runtime/pipeline/inspect.ts";
import { Pipeline, type PipelineOptions } from "../../../runtime/pipeline/pipeline.ts";
import { detectStage } from "../../../runtime/pipeline/stages/detect.ts";
import { rulesStage } from "../../../runtime/pipeline/stages/rules.ts";
import type { JudgingStage } from "../../../runtime/pipeline/stages/stage.ts";
import { windowStage } from "../../../runtime/pipeline/stages/window.ts";
import type { Seen } from "../../../runtime/pipeline/vision-model.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { queueOver } from "../../support/frame-queues.ts";
import { aFrame } from "../../support/frames.ts";
import { RecordingLogger } from "../../support/recording-logger.ts";
import { range } from "../../support/results.ts";

const seen = (defects: number): Seen => ({
  detections: Array.from({ length: defects }, () => ({
    label: "dent",
    classId: 0,
    score: 0.9,
    box: [0, 0, 9, 9],
  })),
  source: { width: 64, height: 48 },
  timing: { pre: 0, queue: 0, infer: 0, post: 0 },
});

/** A pipeline over a model that answers a frame when the test says so; a frame's picture is its id in one byte. */
class Line {
  readonly taken: number[] = [];
  readonly released: number[] = [];
  readonly recorded: Judged[] = [];
  readonly logger = new RecordingLogger();
  readonly running = new Map<number, { resolve(seen: Seen): void; reject(error: Error): void }>();
  readonly done: Promise<void>;
  record: (judged: Judged) => Promise<unknown> = async () => {};
  #changed = (): void => {};

  constructor(count: number, options: Partial<PipelineOptions> = {}, judging: JudgingStage[] = []) {
    const clock = new FakeClock();
    const model = {
      options: { input: { width: 64, height: 48 } },
      detect: ({ bytes }: Frame["picture"]) => this.#detect(bytes[0] ?? 0),
    };
    const detect = detectStage({ modelOf: () => model, runsPerFrame: 1, clock }, { min_score: 0.3 });
    const pipeline = new Pipeline(
      {
        frames: queueOver(this.#frames(count)),
        admit: async () => freeAdmission,
        stages: [detect, rulesStage({ rules: ANY_DETECTION_FAILS }, {}), ...judging],
        record: (results) => {
          this.recorded.push(...results);
          this.#changed();
          return Promise.all(results.map((judged) => this.record(judged)));
        },
        clock,
        logger: this.logger,
      },
      { name: "top", inFlight: 3, ...options },
    );
    this.done = pipeline.run();
  }

  /** The model's answer to a frame that it was shown. */
  async answer(id: number, answer: Seen | Error = seen(0)): Promise<void> {
    await this.until(() => this.running.has(id));
    const { reject, resolve } = this.running.get(id) ?? {};
    this.running.delete(id);
    if (answer instanceof Error) reject?.(answer);
    else resolve?.(answer);
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  get recordedIds(): number[] {
    return this.recorded.map(({ frame }) => frame.id);
  }

  async *#frames(count: number): AsyncGenerator<Frame> {
    for (const id of range(1, count)) {
      this.taken.push(id);
      const picture = { encoding: "still", bytes: Uint8Array.of(id) } as const;
      yield aFrame({ id, picture, release: () => void this.released.push(id) });
    }
  }

  #detect(id: number): Promise<Seen> {
    return new Promise((resolve, reject) => {
      this.running.set(id, { resolve, reject });
      this.#changed();
    });
  }
}

/** Lets all that is ready run. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

test("verdicts keep the order of the frames, whichever ends first", async () => {
  const line = new Line(3);
  await line.answer(3);
  await line.answer(2, seen(1));
  await settle();
  expect(line.released).toEqual([3, 2]);
  expect(line.recordedIds).toEqual([]);
  await line.answer(1);
  await line.done;
  expect(line.recordedIds).toEqual([1, 2, 3]);
  expect(line.recorded.map((j) => j.verdict)).toEqual(["pass", "fail", "pass"]);
});

test("no more frames are taken than may be in flight", async () => {
  const line = new Line(5, { inFlight: 2 });
  await line.until(() => line.running.size === 2);
  await settle();
  expect(line.taken).toEqual([1, 2]);
  await line.answer(2);
  await settle();
  expect(line.taken).toEqual([1, 2]);
  await line.answer(1);
  await line.until(() => line.running.has(3));
  for (const id of [3, 4, 5]) {
    expect(line.running.size).toBeLessThanOrEqual(2);
    await line.answer(id);
  }
  await line.done;
  expect(line.recordedIds).toEqual(range(1, 5));
  expect(line.released.toSorted((a, b) => a - b)).toEqual(range(1, 5));
});

test("a frame that fails is recorded as error in its turn, and the next ones are judged", async () => {
  const line = new Line(3);
  await line.answer(1);
  await line.answer(2, new Error("broken"));
  await line.answer(3);
  await line.done;
  expect(line.recorded.map((j) => j.verdict)).toEqual(["pass", "error", "pass"]);
});

test("a verdict that cannot be stored is logged with its frame, and the pipeline goes on", async () => {
  const line = new Line(3);
  const reason = new Error("disk full");
  line.record = async ({ frame }) => {
    if (frame.id === 2) throw reason;
  };
  for (const id of [1, 2, 3]) await line.answer(id);
  await line.done;
  expect(line.recordedIds).toEqual([1, 2, 3]);
  expect(line.logger.lines).toEqual([
    { level: "error", fields: { pipeline: "top", frame: 2, err: reason }, message: "verdict was not stored" },
  ]);
});

test("frames do not wait for the store, but the end does", async () => {
  const line = new Line(4, { inFlight: 1 });
  const stores: (() => void)[] = [];
  line.record = () => new Promise<void>((resolve) => stores.push(resolve));
  for (const id of range(1, 4)) await line.answer(id);
  await line.until(() => line.recorded.length === 4);
  let ended = false;
  const done = line.done.then(() => {
    ended = true;
  });
  for (const store of stores.splice(0, 3)) store();
  await settle();
  expect(ended).toBe(false);
  stores[0]?.();
  await done;
});

test("a window judges the verdicts in frame order", async () => {
  const line = new Line(4, { inFlight: 4 }, [windowStage({ fails: 2, of: 3 })]);
  await line.until(() => line.running.size === 4);
  for (const id of [4, 3, 2, 1]) await line.answer(id, seen(id % 2));
  await line.done;
  expect(line.recorded.map((j) => [j.decision.verdict, j.verdict])).toEqual([
    ["fail", "pass"],
    ["pass", "pass"],
    ["fail", "fail"],
    ["pass", "pass"],
  ]);
});

test("without frames it ends at once", async () => {
  const line = new Line(0);
  await line.done;
  expect(line.recorded).toEqual([]);
});

test("a stage may answer a frame with several verdicts or none, and a frame that failed passes it by", async () => {
  const missed: number[] = [];
  const twice: JudgingStage = {
    kind: "judging",
    judge: (judged) => (judged.frame.id === 1 ? [] : [judged, judged]),
    missed: ({ frame }) => missed.push(frame.id),
  };
  const line = new Line(3, {}, [twice]);
  await line.answer(1);
  await line.answer(2, new Error("broken"));
  await line.answer(3);
  await line.done;
  expect(line.recordedIds).toEqual([2, 3, 3]);
  expect(missed).toEqual([2]);
});

test("a stage that throws makes the frame an error, and the next frame is judged", async () => {
  const line = new Line(2, {}, [
    {
      kind: "judging",
      judge(judged) {
        if (judged.frame.id === 1) throw new Error("no such gauge");
        return [judged];
      },
    },
  ]);
  for (const id of [1, 2]) await line.answer(id);
  await line.done;
  expect(line.recorded.map((j) => [j.verdict, j.error?.code])).toEqual([
    ["error", "ERR_STAGE_RUN"],
    ["pass", undefined],
  ]);
});
