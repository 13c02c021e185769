import { argmax } from "../../runtime/arm-neon/kernels/argmax/javascript.ts";
import { nms } from "../../runtime/arm-neon/kernels/nms/javascript.ts";
import { peaks } from "../../runtime/arm-neon/kernels/peaks/javascript.ts";
import { regions } from "../../runtime/arm-neon/kernels/regions/javascript.ts";
import { scores } from "../../runtime/arm-neon/kernels/scores/javascript.ts";
import { yolo } from "../../runtime/arm-neon/kernels/yolo/javascript.ts";
import type { Candidates, Kernels, TensorValues, YoloOptions } from "../../runtime/native/index.ts";
import type { KernelCase } from "./case.ts";

/** The same call of a kernel and of its plain loop; `make` gives the arguments. */
function caseOf<K extends "argmax" | "nms" | "peaks" | "regions" | "scores" | "yolo">(
  kernel: K,
  name: string,
  plain: (...args: Parameters<Kernels[K]>) => unknown,
  make: () => Parameters<Kernels[K]>,
  limitMs?: number,
): KernelCase {
  return {
    kernel,
    name,
    ours: (kernels) => {
      const args = make();
      return () => Reflect.apply(kernels[kernel], kernels, args) as Promise<unknown>;
    },
    javascript: () => {
      const args = make();
      return () => plain(...args);
    },
    ...(limitMs === undefined ? {} : { limitMs }),
  };
}

const SIDE = 640;
/** Of scores up to 1. */
const quantization = { scale: 1 / 200, zeroPoint: -100 };
const COCO = { boxes: 8_400, classes: 80 };

/** A head in which a box in `every` holds something, its neighbours a little less of the same. */
function head(layout: YoloOptions["layout"], every: number): [TensorValues, YoloOptions] {
  const { boxes, classes } = COCO;
  const values = classes + (layout === "rows" ? 5 : 4);
  const output = new Float32Array(boxes * values).fill(0.01);
  const put = (n: number, k: number, value: number) => {
    output[layout === "rows" ? n * values + k : k * boxes + n] = value;
  };
  for (let n = 0; n < boxes; n++) {
    [(n % 80) * 8, ((n / 80) % 80) * 8, 30, 40].forEach((value, k) => {
      put(n, k, value);
    });
    if (n % every > 2) continue;
    if (layout === "rows") put(n, 4, 0.95);
    put(n, values - classes + (Math.floor(n / every) % classes), 0.4 + ((n * 37) % 64) / 128);
  }
  const options = { layout, ...COCO, scoreMin: 0.25, limit: 1_000, nms: { iouMax: 0.45 } };
  return [output, options];
}

/** Integers of one scale, for which boxes have to be small numbers too. */
function int8Head(): [TensorValues, YoloOptions] {
  const [output, options] = head("columns", 84);
  return [Int8Array.from(output, (v) => Math.min(v, 1.1) * 200 - 100), { ...options, quantization }];
}

/** As many boxes as are looked at; none overlaps another, so that each meets all before it. */
function apart(): Candidates {
  const indices = Array.from({ length: 1_000 }, (_, i) => i);
  return {
    classIds: new Uint32Array(1_000),
    scores: Float32Array.from(indices, (i) => 1 - i / 2_000),
    boxes: Float32Array.from(
      indices.flatMap((i) => {
        const [x, y] = [(i % 32) * 20, Math.floor(i / 32) * 20];
        return [x, y, x + 18, y + 18];
      }),
    ),
  };
}

/** Low everywhere but for a spot of `size` at each crossing of a grid. */
function spots(step: number, size: number): Float32Array {
  return Float32Array.from({ length: SIDE * SIDE }, (_, i) =>
    (i % SIDE) % step < size && Math.floor(i / SIDE) % step < size ? 0.5 + (i % 101) / 202 : (i % 7) / 70,
  );
}

const CELLS = 160;
const spotted = (plane: number, planes: number): Float32Array =>
  Float32Array.from({ length: plane * planes }, (_, i) => (i % 641 === 0 ? 0.9 : (i % 13) / 100));
const bytes = (map: Float32Array): Int8Array => Int8Array.from(map, (v) => v * 200 - 100);

const map = { width: SIDE, height: SIDE, connectivity: 8, limit: 100 } as const;
const grid = { width: CELLS, height: CELLS, classes: 6, stride: 4, scoreMin: 0.3, limit: 1_000 };
export const decodeCases: readonly KernelCase[] = [
  caseOf("yolo", "8400×80 columns, 300 hits", yolo, () => head("columns", 84), 1),
  caseOf("yolo", "8400×80 columns, 3600 hits", yolo, () => head("columns", 7), 1),
  caseOf("yolo", "8400×80 columns int8, 300 hits", yolo, int8Head, 1),
  // Most of it is one read of objectness a row, far apart, in which no SIMD helps.
  { ...caseOf("yolo", "8400×80 rows, 300 hits", yolo, () => head("rows", 84), 1), twinGoal: 1 },
  caseOf("nms", "1000 boxes apart", nms, () => [apart(), { iouMax: 0.45 }]),
  caseOf("peaks", "6×160×160", peaks, () => [
    spotted(CELLS * CELLS, 6),
    new Float32Array(4 * CELLS * CELLS).fill(2),
    { ...grid, nms: { iouMax: 0.4 } },
  ]),
  caseOf("scores", "6×160×160 float32", scores, () => [
    spotted(CELLS * CELLS, 6),
    { scoreMin: 0.5, limit: 100 },
  ]),
  caseOf("scores", "6×160×160 int8", scores, () => [
    bytes(spotted(CELLS * CELLS, 6)),
    { scoreMin: 0.35, limit: 100, quantization },
  ]),
  caseOf("argmax", "8×320×320 float32", argmax, () => [
    Float32Array.from({ length: 8 * 320 * 320 }, (_, i) => (i * 2_654_435_761) % 1_013),
    { classes: 8 },
    new Uint8Array(320 * 320),
  ]),
  caseOf("argmax", "8×320×320 int8", argmax, () => [
    Int8Array.from({ length: 8 * 320 * 320 }, (_, i) => (i * 2_654_435_761) % 1_013),
    { classes: 8 },
    new Uint8Array(320 * 320),
  ]),
  caseOf("regions", "640×640 map, 100 spots", regions, () => [spots(64, 12), { ...map, threshold: 0.5 }]),
  caseOf("regions", "640×640 mask, 100 spots", regions, () => [
    Uint8Array.from(spots(64, 12), (v) => (v >= 0.5 ? 2 : 0)),
    map,
  ]),
];
