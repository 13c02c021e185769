import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openKernels } from "../../runtime/native/index.ts";
import type { Candidate } from "../../runtime/pipeline/decode/candidate.ts";
import { type Decoder, decode as decodeWith } from "../../runtime/pipeline/decode/decode.ts";
import type { Size } from "../../runtime/pipeline/fit.ts";
import { elementCount, type NamedTensors, type Tensor } from "../../runtime/tensor/tensor.ts";

const kernels = openKernels();
const decode = (
  decoder: Decoder,
  outputs: NamedTensors,
  minScore: number,
  input: Size,
): Promise<Candidate[]> => decodeWith(kernels, decoder, outputs, minScore, input);

const fixture = (name: string): string => join(import.meta.dirname, "../fixtures/tensors", name);

interface Golden {
  input: number;
  min_score: number;
  tensors: Record<string, number[]>;
  found: Candidate[];
}

async function recorded(name: string, dims: readonly number[]): Promise<Tensor> {
  const data = new Float32Array(elementCount(dims));
  new Uint8Array(data.buffer).set(await readFile(fixture(name)));
  return { dtype: "float32", dims, data };
}

test.each<[string, Decoder]>([
  ["yolov8-seg", { type: "yolov8-seg", output: "out", masks: "masks", nms_iou: 0.45 }],
  ["yolov8-pose", { type: "yolov8-pose", output: "out", keypoints: 3, nms_iou: 0.45 }],
])("%s: boxes, areas and keypoints as NumPy has them", async (name, decoder) => {
  const golden = JSON.parse(await readFile(fixture(`${name}.json`), "utf8")) as Golden;
  const outputs: NamedTensors = {};
  for (const [key, dims] of Object.entries(golden.tensors))
    outputs[key] = await recorded(`${name}-${key}.bin`, dims);
  const found = await decode(decoder, outputs, golden.min_score, {
    width: golden.input,
    height: golden.input,
  });
  expect(found.length).toBeGreaterThan(8);
  const close = (v: number) => expect.closeTo(v, 3);
  expect(found).toEqual(
    golden.found.map(({ areaPx, box, classId, keypoints, score }) => ({
      classId,
      score: close(score),
      box: box.map(close),
      ...(areaPx !== undefined && { areaPx }),
      ...(keypoints && {
        keypoints: keypoints.map(({ at, score: s }) => ({ at: at.map(close), score: close(s) })),
      }),
    })),
  );
});

const map = (dims: number[], rows: number[]): NamedTensors => ({
  map: { dtype: "float32", dims, data: Float32Array.from(rows) },
});
const INPUT = { width: 40, height: 20 };

test("an anomaly map: cells that touch, also by a corner, are one; the best cell is the score", async () => {
  // Two regions on 4×2 cells of 10×10 pixels: three cells on the left, one on the right.
  const outputs = map([1, 1, 2, 4], [0.6, 0.1, 0.2, 0.5, 0.7, 0.9, 0.1, 0.4]);
  const decoder: Decoder = { type: "anomaly", output: "map", threshold: 0.5, max: 1 };
  expect(await decode(decoder, outputs, 0.3, INPUT)).toEqual([
    { classId: 0, score: expect.closeTo(0.9, 5), box: [0, 0, 20, 20], areaPx: 300 },
    { classId: 0, score: expect.closeTo(0.5, 5), box: [30, 0, 40, 10], areaPx: 100 },
  ]);
  const diagonal = map([1, 2, 4], [1, 0, 0, 1, 0, 1, 0, 0]);
  expect((await decode(decoder, diagonal, 0.3, INPUT)).map((c) => c.areaPx)).toEqual([200, 100]);
  expect(
    await decode({ ...decoder, max: 4, threshold: 2 }, map([1, 1, 2], [3, 8]), 0.3, INPUT),
  ).toMatchObject([{ score: 1 }]);
});

test("a segmentation map: the best class of each cell; what touches of one class is one, with the mean score", async () => {
  // Classes nothing, scratch, dent on 3×1 cells.
  const outputs = map([1, 3, 1, 3], [0.2, 0.1, 0.7, 0.7, 0.1, 0.2, 0.1, 0.8, 0.1]);
  const decoder: Decoder = { type: "segmentation", output: "map", background: 0, activation: "none" };
  expect(await decode(decoder, outputs, 0.3, { width: 30, height: 10 })).toEqual([
    { classId: 2, score: expect.closeTo(0.8, 5), box: [10, 0, 20, 10], areaPx: 100 },
    { classId: 1, score: expect.closeTo(0.7, 5), box: [0, 0, 10, 10], areaPx: 100 },
  ]);
  // Logits 0 and ln 3: a quarter and three quarters.
  const logits = map([1, 2, 1, 1], [0, Math.log(3)]);
  const [found] = await decode({ ...decoder, activation: "softmax" }, logits, 0.3, INPUT);
  expect(found?.score).toBeCloseTo(0.75, 5);
});

test("an embedding is what the nearest prototype is, by cosine", async () => {
  const outputs = map([1, 2], [3, 4]);
  const decoder: Decoder = {
    type: "embedding",
    output: "map",
    prototypes: [
      [1, 0],
      [0, 2],
      [-1, 0],
    ],
  };
  expect(
    (await decode(decoder, outputs, 0.1, INPUT)).map(({ classId, score }) => [
      classId,
      Number(score.toFixed(6)),
    ]),
  ).toEqual([
    [1, 0.8],
    [0, 0.6],
  ]);
});

test.each<[string, Decoder, NamedTensors]>([
  ["two anomaly maps", { type: "anomaly", output: "map", threshold: 0.5, max: 1 }, map([1, 2, 1, 1], [0, 0])],
  [
    "a batch",
    { type: "segmentation", output: "map", background: 0, activation: "none" },
    map([2, 1, 1, 1], [0, 0]),
  ],
  [
    "prototypes of another length",
    { type: "embedding", output: "map", prototypes: [[1]] },
    map([1, 2], [0, 0]),
  ],
  [
    "too few values",
    { type: "yolov8-pose", output: "map", keypoints: 1, nms_iou: 0.5 },
    map([1, 7, 1], [0, 0, 0, 0, 0, 0, 0]),
  ],
])("%s: ERR_MODEL_IO", async (_, decoder, outputs) => {
  await expect(decode(decoder, outputs, 0.3, INPUT)).rejects.toMatchObject({ code: "ERR_MODEL_IO" });
});
