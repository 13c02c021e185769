import type { TensorValues, YoloOptions } from "../../kernels.ts";
import { type BenchCase, benchCase } from "../bench-case.ts";
import { BYTES, bytesOf } from "../bench-maps.ts";
import { yolo as fastJavascript } from "./fast-javascript.ts";
import { yolo as javascript } from "./javascript.ts";

type Args = [TensorValues, YoloOptions];

const COCO = { boxes: 8_400, classes: 80 };
const LIMIT_MS = 1;

/** A head in which a box in `every` holds something, its neighbours a little less of the same. */
function head(layout: YoloOptions["layout"], every: number): [Float32Array, YoloOptions] {
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
function int8Head(): Args {
  const [output, options] = head("columns", 84);
  return [bytesOf(output.map((v) => Math.min(v, 1.1))), { ...options, quantization: BYTES }];
}

const of = (name: string, make: () => Args): BenchCase => ({
  ...benchCase<Args>("yolo", name, { ours: (kernels) => kernels.yolo, javascript, fastJavascript }, make),
  limitMs: LIMIT_MS,
});

export const yoloCases = [
  of("8400×80 columns, 300 hits", () => head("columns", 84)),
  of("8400×80 columns, 3600 hits", () => head("columns", 7)),
  of("8400×80 columns int8, 300 hits", int8Head),
  // Most of it is one read of objectness a row, far apart, in which no SIMD helps.
  { ...of("8400×80 rows, 300 hits", () => head("rows", 84)), twinGoal: 1 },
];
