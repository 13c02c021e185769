import { argmaxCases } from "../../runtime/arm-neon/kernels/argmax/bench.ts";
import type { BenchCase } from "../../runtime/arm-neon/kernels/bench-case.ts";
import { convertCases } from "../../runtime/arm-neon/kernels/convert/bench.ts";
import { distancesCases } from "../../runtime/arm-neon/kernels/distances/bench.ts";
import { nmsCases } from "../../runtime/arm-neon/kernels/nms/bench.ts";
import { peaksCases } from "../../runtime/arm-neon/kernels/peaks/bench.ts";
import { preprocessCases } from "../../runtime/arm-neon/kernels/preprocess/bench.ts";
import { regionsCases } from "../../runtime/arm-neon/kernels/regions/bench.ts";
import { scoresCases } from "../../runtime/arm-neon/kernels/scores/bench.ts";
import { yoloCases } from "../../runtime/arm-neon/kernels/yolo/bench.ts";

/** The rows of every kernel, which stand in its folder. */
export const CASES: readonly BenchCase[] = [
  ...preprocessCases,
  ...yoloCases,
  ...nmsCases,
  ...peaksCases,
  ...scoresCases,
  ...argmaxCases,
  ...regionsCases,
  ...distancesCases,
  ...convertCases,
];
