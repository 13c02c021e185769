import type { ScoresOptions, TensorValues } from "../../kernels.ts";
import { benchCase } from "../bench-case.ts";
import { BYTES, bytesOf, spotted } from "../bench-maps.ts";
import { scores as fastJavascript } from "./fast-javascript.ts";
import { scores as javascript } from "./javascript.ts";

const CELLS = 160 * 160;

const of = (type: string, make: () => [TensorValues, ScoresOptions]) =>
  benchCase<[TensorValues, ScoresOptions]>(
    "scores",
    `6×160×160 ${type}`,
    { ours: (kernels) => kernels.scores, javascript, fastJavascript },
    make,
  );

export const scoresCases = [
  of("float32", () => [spotted(6 * CELLS), { scoreMin: 0.5, limit: 100 }]),
  of("int8", () => [bytesOf(spotted(6 * CELLS)), { scoreMin: 0.35, limit: 100, quantization: BYTES }]),
];
