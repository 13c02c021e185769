import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock as clock } from "../../runtime/base/clock.ts";
import { openKernels } from "../../runtime/native/index.ts";
import { type Decoder, decode } from "../../runtime/pipeline/decode/decode.ts";
import { type Box, iou } from "../../runtime/pipeline/detection.ts";
import { openModel } from "../../runtime/pipeline/open-model.ts";
import type { CpuExecutionProvider } from "../../runtime/session/cpu-provider.ts";
import { elementCount, type Tensor } from "../../runtime/tensor/tensor.ts";
import { bundleOf, type Signature } from "../support/bundle.ts";
import { COCO_LABELS } from "../support/coco-labels.ts";
import { MODELS, startProvider } from "../support/models.ts";

const fixture = (path: string): string => join(import.meta.dirname, "../fixtures", path);
const BOTTLES = fixture("pictures/bottles.jpg");
/** Measured by eye, left to right, in pixels of the picture. */
const BOTTLE_BOXES: readonly Box[] = [
  [57, 108, 122, 312],
  [288, 109, 345, 313],
  [510, 107, 573, 314],
];

const fastestDet = (color: "bgr" | "rgb"): Signature => ({
  input: {
    name: "input.1",
    dtype: "float32",
    layout: "NCHW",
    width: 352,
    height: 352,
    color,
    resize: "stretch",
  },
  decoder: { type: "fastestdet", output: "758", nms_iou: 0.45 },
  labels: COCO_LABELS,
});

let provider: CpuExecutionProvider;
beforeAll(() => {
  provider = startProvider(1);
});
afterAll(() => provider.close());

async function detect(folder: string, bytes: Uint8Array, minScore: number) {
  const { close, model } = await openModel(
    { provider, kernels: openKernels(), clock },
    { folder, runLimitMs: 60_000, inFlight: 1 },
  );
  try {
    return (await model.detect({ encoding: "still", bytes }, { minScore })).detections;
  } finally {
    await close();
  }
}

/** A tensor as it was recorded: little-endian float32. */
async function recorded(name: string, dims: readonly number[]): Promise<Tensor> {
  const bytes = await readFile(fixture(`tensors/${name}.bin`));
  const data = new Float32Array(elementCount(dims));
  new Uint8Array(data.buffer).set(bytes);
  return { dtype: "float32", dims, data };
}

describe("FastestDet with its 80 COCO classes", () => {
  test("finds each bottle of a real picture where it stands", async () => {
    const folder = await bundleOf(MODELS.fastestDet, fastestDet("bgr"));
    const found = await detect(folder, await readFile(BOTTLES), 0.5);
    const bottles = found.filter((d) => d.label === "bottle").sort((a, b) => a.box[0] - b.box[0]);
    expect(bottles).toHaveLength(BOTTLE_BOXES.length);
    bottles.forEach(({ box }, i) => {
      expect(iou(box, BOTTLE_BOXES[i] ?? [0, 0, 0, 0])).toBeGreaterThan(0.7);
    });
  });

  test("wants blue first: with red first it takes a bottle for something else", async () => {
    const folder = await bundleOf(MODELS.fastestDet, fastestDet("rgb"));
    const found = await detect(folder, await readFile(BOTTLES), 0.5);
    expect(found.filter((d) => d.label === "bottle").length).toBeLessThan(BOTTLE_BOXES.length);
  });
});

describe("MobileNet with the labels of ImageNet", () => {
  const signature = (side: number) => ({
    input: {
      name: "input",
      dtype: "float32",
      layout: "NCHW",
      width: side,
      height: side,
      color: "rgb",
      resize: "letterbox",
      mean: [128],
      std: [128],
    },
    decoder: { type: "classifier", output: "probs", activation: "none" },
    labels: "imagenet_labels.txt",
  });

  async function classify(file: string, side: number): Promise<string[]> {
    const folder = await bundleOf(file, signature(side));
    await copyFile(fixture("models/imagenet_labels.txt"), join(folder, "imagenet_labels.txt"));
    const middle = { left: 210, top: 100, width: 220, height: 220 };
    const found = await detect(folder, await sharp(BOTTLES).extract(middle).png().toBuffer(), 0.01);
    expect(found[0]?.box).toEqual([0, 0, 220, 220]);
    return found.map((d) => d.label);
  }

  test("v2 takes the bottle in the middle for a water bottle", async () => {
    expect((await classify(MODELS.mobilenetV2, 224))[0]).toBe("water bottle");
  });

  test("v1, at a quarter of its width, has it among the first five", async () => {
    expect(await classify(MODELS.mobilenetV1, 128)).toContain("water bottle");
  });
});

describe("as NumPy and OpenCV decode it", () => {
  test.each<[string, Decoder]>([
    ["yolov5", { type: "yolov5", output: "out", nms_iou: 0.45 }],
    ["yolov8", { type: "yolov8", output: "out", nms_iou: 0.45 }],
    ["end2end", { type: "end2end", output: "out" }],
    ["fastestdet-bottles", { type: "fastestdet", output: "out", nms_iou: 0.45 }],
  ])("%s", async (name, decoder) => {
    const golden = JSON.parse(await readFile(fixture(`tensors/${name}.json`), "utf8")) as Golden;
    const out = await recorded(name, golden.dims);
    const side = { width: golden.input, height: golden.input };
    expect(golden.found.length).toBeGreaterThanOrEqual(4);
    expectSame(await decode(openKernels(), decoder, { out }, golden.min_score, side), golden.found);
  });
});

interface Golden {
  dims: number[];
  /** Side of the model's input in pixels. */
  input: number;
  min_score: number;
  found: Found[];
}

interface Found {
  classId: number;
  score: number;
  box: readonly number[];
}

/** The same detections in the same order, numbers within 1e-3. */
function expectSame(found: readonly Found[], wanted: readonly Found[]): void {
  expect(found.map((f) => f.classId)).toEqual(wanted.map((w) => w.classId));
  const numbers = (list: readonly Found[]) => list.flatMap(({ box, score }) => [score, ...box]);
  const off = numbers(found).map((value, i) => Math.abs(value - (numbers(wanted)[i] ?? Number.NaN)));
  expect(Math.max(...off)).toBeLessThan(1e-3);
}
