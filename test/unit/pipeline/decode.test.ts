import { expect, test } from "vitest";
import { openKernels } from "../../../runtime/native/index.ts";
import { type Decoder, decode } from "../../../runtime/pipeline/decode/decode.ts";
import type { NamedTensors } from "../../../runtime/tensor/tensor.ts";

const kernels = openKernels();
const INPUT = { width: 64, height: 64 };

const tensor = (dims: number[], values: Record<number, number> = {}): NamedTensors[string] => {
  const data = new Float32Array(dims.reduce((a, b) => a * b, 1));
  for (const [at, value] of Object.entries(values)) data[Number(at)] = value;
  return { dtype: "float32", dims, data };
};

/** Candidates with their numbers rounded as float32 allows. */
const run = async (decoder: Decoder, outputs: NamedTensors, minScore = 0.3) => {
  const found = await decode(kernels, decoder, outputs, minScore, INPUT);
  return found.map(({ box, classId, score }) => ({
    classId,
    score: Number(score.toFixed(3)),
    box: box.map((v) => Number(v.toFixed(2))),
  }));
};

const heatmap: Decoder = { type: "heatmap", heatmap: "heat", boxes: "boxes", stride: 8, nms_iou: 0.4 };

/** Two classes on 8×8 cells; every cell's box reaches one cell to each side. */
const heat = (cells: Record<number, number>): NamedTensors => ({
  heat: tensor([1, 2, 8, 8], cells),
  boxes: { dtype: "float32", dims: [1, 4, 8, 8], data: new Float32Array(4 * 64).fill(1) },
});

test("heatmap: a box stands at each peak, and neighbours of a peak are none", async () => {
  const found = await run(heatmap, heat({ [2 * 8 + 3]: 0.9, [2 * 8 + 4]: 0.8, [64 + 7 * 8 + 7]: 0.5 }));
  expect(found).toEqual([
    { classId: 0, score: 0.9, box: [20, 12, 36, 28] },
    { classId: 1, score: 0.5, box: [52, 52, 68, 68] },
  ]);
});

test("heatmap: a score below the limit is none", async () => {
  expect(await run(heatmap, heat({ 0: 0.29 }))).toEqual([]);
});

test("heatmap: two equal cells side by side are one detection", async () => {
  expect(await run(heatmap, heat({ 10: 0.9, 11: 0.9 }))).toHaveLength(1);
});

test("heatmap: outputs that do not match are named", async () => {
  const outputs = { ...heat({}), boxes: tensor([1, 4, 4, 4]) };
  await expect(run(heatmap, outputs)).rejects.toEqual(expect.objectContaining({ code: "ERR_MODEL_IO" }));
});

const yolov5: Decoder = { type: "yolov5", output: "out", nms_iou: 0.45 };

test("yolov5: score is objectness times class, and a weaker overlapping box of the same class goes", async () => {
  const rows = [
    [20, 20, 10, 10, 0.9, 0.1, 0.8],
    [21, 20, 10, 10, 0.8, 0.1, 0.8],
    [21, 20, 10, 10, 0.7, 0.9, 0.1],
    [40, 40, 10, 10, 0.2, 0.9, 0.9],
  ];
  const out = { dtype: "float32", dims: [1, 4, 7], data: Float32Array.from(rows.flat()) } as const;
  expect(await run(yolov5, { out })).toEqual([
    { classId: 1, score: 0.72, box: [15, 15, 25, 25] },
    { classId: 0, score: 0.63, box: [16, 15, 26, 25] },
  ]);
});

test("yolov8: channels first, no objectness", async () => {
  const columns = [
    [20, 20, 10, 10, 0.1, 0.8],
    [40, 44, 20, 8, 0.6, 0.2],
    [1, 1, 1, 1, 0.1, 0.2],
  ];
  const data = Float32Array.from([0, 1, 2, 3, 4, 5].flatMap((k) => columns.map((c) => c[k] ?? 0)));
  expect(
    await run(
      { type: "yolov8", output: "out", nms_iou: 0.45 },
      { out: { dtype: "float32", dims: [1, 6, 3], data } },
    ),
  ).toEqual([
    { classId: 1, score: 0.8, box: [15, 15, 25, 25] },
    { classId: 0, score: 0.6, box: [30, 40, 50, 48] },
  ]);
});

test.each([[[2, 6]], [[1, 2, 6]]])("end2end: %s rows as they come, best first", async (dims) => {
  const data = Float32Array.from([1, 2, 3, 4, 0.5, 7, 5, 6, 7, 8, 0.9, 2]);
  expect(await run({ type: "end2end", output: "out" }, { out: { dtype: "float32", dims, data } })).toEqual([
    { classId: 2, score: 0.9, box: [5, 6, 7, 8] },
    { classId: 7, score: 0.5, box: [1, 2, 3, 4] },
  ]);
});

test("classifier: probabilities from logits, the whole picture as box", async () => {
  const data = Float32Array.from([1, 3, 1]);
  const decoder: Decoder = { type: "classifier", output: "out", activation: "softmax" };
  expect(await run(decoder, { out: { dtype: "float32", dims: [1, 3], data } })).toEqual([
    { classId: 1, score: 0.787, box: [0, 0, 64, 64] },
  ]);
});

test("classifier: at most five classes", async () => {
  const out = { dtype: "float32", dims: [1, 9], data: new Float32Array(9).fill(0.5) } as const;
  expect(await run({ type: "classifier", output: "out", activation: "none" }, { out })).toHaveLength(5);
});

test.each<[string, Decoder, number[]]>([
  ["yolov5 of a batch", yolov5, [2, 4, 7]],
  ["yolov5 without classes", yolov5, [1, 4, 5]],
  ["yolov8 without classes", { type: "yolov8", output: "out", nms_iou: 0.45 }, [1, 4, 10]],
  ["end2end with seven values", { type: "end2end", output: "out" }, [1, 2, 7]],
  ["end2end of a batch", { type: "end2end", output: "out" }, [2, 2, 6]],
  ["fastestdet without classes", { type: "fastestdet", output: "out", nms_iou: 0.45 }, [1, 5, 4, 4]],
])("%s is ERR_MODEL_IO", async (_, decoder, dims) => {
  await expect(run(decoder, { out: tensor(dims) })).rejects.toEqual(
    expect.objectContaining({ code: "ERR_MODEL_IO" }),
  );
});

test("an output of another type is ERR_MODEL_IO", async () => {
  const out = { dtype: "int8", dims: [1, 4, 7], data: new Int8Array(28) } as const;
  await expect(run(yolov5, { out })).rejects.toEqual(expect.objectContaining({ code: "ERR_MODEL_IO" }));
});
