import type { ArgmaxOptions, TensorValues } from "../../kernels.ts";
import { benchCase } from "../bench-case.ts";
import { argmax as fastJavascript } from "./fast-javascript.ts";
import { argmax as javascript } from "./javascript.ts";

const PIXELS = 320 * 320;
const CLASSES = 8;

type Args = [TensorValues, ArgmaxOptions, Uint8Array];

const of = (type: string, logits: () => TensorValues) =>
  benchCase<Args>(
    "argmax",
    `8×320×320 ${type}`,
    { ours: (kernels) => kernels.argmax, javascript, fastJavascript },
    () => [logits(), { classes: CLASSES }, new Uint8Array(PIXELS)],
    ([, , classMap]) => classMap,
  );

const shape = { length: CLASSES * PIXELS };
const mixed = (_: unknown, i: number): number => (i * 2_654_435_761) % 1_013;

export const argmaxCases = [
  of("float32", () => Float32Array.from(shape, mixed)),
  of("int8", () => Int8Array.from(shape, mixed)),
];
