import * as z from "zod";
import { filePath, name, sha256, tensorName } from "./scalars.ts";

const dtype = z
  .string()
  .regex(/^[a-z][a-z0-9]{0,31}$/)
  .meta({ "x-noun": 'an ONNX type in small letters such as "float" or "int8"' });

/** Where a tensor lies in the file of weights, in bytes. */
const tensor = z.strictObject({
  name: z.string().min(1).max(1024),
  dtype,
  offset: z.int().min(0),
  bytes: z.int().min(0),
});

/**
 * A graph's tensors outside of it, as ONNX `external_data`
 * (https://github.com/onnx/onnx/blob/main/docs/ExternalData.md); `tensors` in the order of the file.
 */
const weights = z
  .strictObject({ file: filePath, sha256, bytes: z.int().min(1), tensors: z.array(tensor) })
  .superRefine(({ bytes, tensors }, ctx) => {
    let end = 0;
    for (const [i, { offset, bytes: length }] of tensors.entries()) {
      const isInside = offset >= end && offset + length <= bytes;
      end = offset + length;
      if (isInside) continue;
      const message = "must begin after the previous tensor and end inside the file";
      ctx.addIssue({ code: "custom", path: ["tensors", i], message });
      return;
    }
  });

/** One ONNX file. `inputs` and `outputs` are the tensors that it takes from and gives to the other stages. */
const stage = z.strictObject({
  file: filePath,
  sha256,
  bytes: z.int().min(1),
  weights: weights.optional(),
  inputs: z.array(tensorName).min(1).optional(),
  outputs: z.array(tensorName).min(1).optional(),
});

/** `targets` are platforms such as `linux-arm64-dotprod`, or `any`; `stages` run one after the other. */
export const variant = z.strictObject({
  name,
  targets: z.array(name).min(1),
  stages: z.array(stage).min(1),
});

/** Each stage's inputs are the model's own or come out of an earlier stage. */
export function checkChain(
  variants: readonly z.output<typeof variant>[],
  modelInput: string,
  ctx: z.RefinementCtx,
): void {
  for (const [v, { stages }] of variants.entries()) {
    const known = new Set([modelInput]);
    for (const [s, { inputs = [], outputs = [] }] of stages.entries()) {
      for (const [i, input] of inputs.entries()) {
        if (known.has(input)) continue;
        const message = "is neither the model's input nor an output of an earlier stage";
        ctx.addIssue({ code: "custom", path: ["variants", v, "stages", s, "inputs", i], message });
      }
      for (const output of outputs) known.add(output);
    }
  }
}
