import sharp from "sharp";
import { expect, onTestFinished, test } from "vitest";
import { SightlineError } from "../../../runtime/base/errors.ts";
import { openKernels } from "../../../runtime/native/index.ts";
import { FrameLayout, type FrameTensors } from "../../../runtime/pipeline/frame-tensors.ts";
import type { ModelInput } from "../../../runtime/pipeline/preprocess.ts";
import { VisionModel } from "../../../runtime/pipeline/vision-model.ts";
import type { SubmitOptions } from "../../../runtime/scheduler/scheduler.ts";
import { BufferPool } from "../../../runtime/tensor/buffer-pool.ts";
import type { NamedTensors, TensorSpec } from "../../../runtime/tensor/tensor.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const INPUT: ModelInput = {
  name: "image",
  dtype: "float32",
  layout: "NCHW",
  width: 32,
  height: 32,
  color: "gray",
  resize: "letterbox",
  pad_value: 0,
  mean: [0],
  std: [255],
};
const OUTPUTS: readonly TensorSpec[] = [{ name: "out", dtype: "float32", dims: [-1, 2, 6] }];

/** One box around the middle of the input, and one of a class that has no label. */
const ROWS = [8, 8, 24, 24, 0.9, 0, 0, 0, 32, 32, 0.5, 7];

/** A model over a pool of `buffers` whose runs end when the test says so. */
function setUp(buffers: number) {
  const layout = new FrameLayout(INPUT, OUTPUTS);
  const pool = new BufferPool({ buffers, bufferBytes: layout.bytes });
  pool.start();
  onTestFinished(() => pool.stop());
  const runs: { frame: FrameTensors; deadlineNs: bigint | undefined; end(): void; fail(e: Error): void }[] =
    [];
  let changed = (): void => {};
  const scheduler = {
    submit(frame: FrameTensors, { deadlineNs }: SubmitOptions) {
      return new Promise<{ output: NamedTensors; startedNs: bigint }>((resolve, reject) => {
        const end = () => {
          frame.outputs.out?.data.set(ROWS as never);
          resolve({ output: frame.outputs, startedNs: 0n });
        };
        runs.push({ frame, deadlineNs, end, fail: reject });
        changed();
      });
    },
  };
  const untilRuns = async (count: number) => {
    while (runs.length < count) {
      await new Promise<void>((resolve) => {
        changed = resolve;
      });
    }
  };
  const model = new VisionModel(
    { clock: new FakeClock(), kernels: openKernels(), scheduler, pool, layout },
    {
      name: "fixture",
      version: "1.0.0",
      sha256: "",
      input: INPUT,
      decoder: { type: "end2end", output: "out" },
      labels: ["dent"],
    },
  );
  return { model, pool, runs, untilRuns };
}

const picture = async (width: number, height: number, grey: number) => {
  const background = { r: grey, g: grey, b: grey };
  const bytes = await sharp({ create: { width, height, channels: 3, background } })
    .png()
    .toBuffer();
  return { encoding: "still", bytes } as const;
};

test("pixels go in as the manifest says, boxes come out in pixels of the picture", async () => {
  const { model, runs, untilRuns } = setUp(1);
  const seeing = model.detect(await picture(128, 64, 204), { minScore: 0.3, deadlineNs: 5n });
  await untilRuns(1);
  const { data, dims } = runs[0]?.frame.feeds.image ?? { data: [], dims: [] };
  expect(dims).toEqual([1, 1, 32, 32]);
  // A letterbox: 8 rows of padding, 16 of picture, 8 of padding.
  expect([data[0], data[7 * 32], data[24 * 32]]).toEqual([0, 0, 0]);
  expect(Number(data[16 * 32 + 16])).toBeCloseTo(0.8, 2);
  expect(runs[0]?.deadlineNs).toBe(5n);
  runs[0]?.end();
  const { detections, source } = await seeing;
  expect(source).toEqual({ width: 128, height: 64 });
  expect(detections).toEqual([
    { label: "dent", classId: 0, score: expect.closeTo(0.9, 5), box: [32, 0, 96, 64] },
    { label: "class 7", classId: 7, score: 0.5, box: [0, 0, 128, 64] },
  ]);
});

test("with every buffer taken a frame is refused, and taken again once one is free", async () => {
  const { model, pool, runs, untilRuns } = setUp(1);
  const still = await picture(32, 32, 0);
  const first = model.detect(still, { minScore: 0.3 });
  await untilRuns(1);
  await expect(model.detect(still, { minScore: 0.3 })).rejects.toMatchObject({ code: "ERR_QUEUE_FULL" });
  expect(pool.refused).toBe(1);
  runs[0]?.end();
  await first;
  const third = model.detect(still, { minScore: 0.3 });
  await untilRuns(2);
  runs[1]?.end();
  expect((await third).detections).toHaveLength(2);
  expect(pool.free).toBe(1);
});

test("a run that fails gives its buffer back", async () => {
  const { model, pool, runs, untilRuns } = setUp(1);
  const seeing = model.detect(await picture(32, 32, 0), { minScore: 0.3 });
  await untilRuns(1);
  runs[0]?.fail(new SightlineError("ERR_SESSION_RUN", "broken"));
  await expect(seeing).rejects.toMatchObject({ code: "ERR_SESSION_RUN" });
  expect(pool.free).toBe(1);
});

test("a picture that is none takes no buffer", async () => {
  const { model, pool } = setUp(1);
  const bytes = new Uint8Array(100);
  await expect(model.detect({ encoding: "still", bytes }, { minScore: 0.3 })).rejects.toMatchObject({
    code: "ERR_IMAGE_FORMAT",
  });
  expect(pool.free).toBe(1);
});

test("a camera's pixels are resized on their way into the tensor, from padded rows", async () => {
  const { model, runs, untilRuns } = setUp(1);
  const [width, height, stride] = [5, 3, 8];
  const bytes = new Uint8Array(stride * height).fill(255);
  for (let y = 0; y < height; y++) bytes.fill(51, y * stride, y * stride + width);
  const planes = [{ offset: 0, stride }];
  const raw = { encoding: "raw", format: "gray8", width, height, planes, bytes } as const;
  const seeing = model.detect(raw, { minScore: 0.3 });
  await untilRuns(1);
  const { data } = runs[0]?.frame.input ?? { data: [] };
  // A letterbox of 32 × 19 that lies 6 rows below the edge; no padding of the rows gets into it.
  const rows = Array.from({ length: 32 }, (_, y) => [...data.slice(y * 32, (y + 1) * 32)].map(Number));
  const isPicture = rows.map((row) => row.every((value) => Math.abs(value - 0.2) < 1e-6));
  const isPadding = rows.map((row) => row.every((value) => value === 0));
  expect(isPicture.indexOf(true)).toBe(6);
  expect(isPicture.filter(Boolean)).toHaveLength(19);
  expect(isPadding.filter(Boolean)).toHaveLength(13);
  runs[0]?.end();
  const { detections, source } = await seeing;
  expect(source).toEqual({ width, height });
  expect(detections[1]?.box).toEqual([0, 0, 5, 3]);
});

test("a frame whose sizes do not fit its bytes is ERR_FRAME_INVALID and gives its buffer back", async () => {
  const { model, pool } = setUp(1);
  const planes = [{ offset: 0, stride: 8 }];
  const raw = { encoding: "raw", format: "gray8", width: 8, height: 8, planes } as const;
  const torn = { ...raw, bytes: new Uint8Array(63) };
  await expect(model.detect(torn, { minScore: 0.3 })).rejects.toMatchObject({ code: "ERR_FRAME_INVALID" });
  expect(pool.free).toBe(1);
});
