import type { PeaksOptions, TensorValues } from "../../kernels.ts";
import { benchCase } from "../bench-case.ts";
import { spotted } from "../bench-maps.ts";
import { peaks as fastJavascript } from "./fast-javascript.ts";
import { peaks as javascript } from "./javascript.ts";

const CELLS = 160;
const grid = { width: CELLS, height: CELLS, classes: 6, stride: 4, scoreMin: 0.3, limit: 1_000 };

export const peaksCases = [
  benchCase<[TensorValues, TensorValues, PeaksOptions]>(
    "peaks",
    "6×160×160",
    { ours: (kernels) => kernels.peaks, javascript, fastJavascript },
    () => [
      spotted(6 * CELLS * CELLS),
      new Float32Array(4 * CELLS * CELLS).fill(2),
      { ...grid, nms: { iouMax: 0.4 } },
    ],
  ),
];
