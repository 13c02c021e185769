import * as z from "zod";
import { duration, id, path } from "./scalars.ts";

const skip = z.strictObject({
  every: z
    .int()
    .min(2)
    .max(1000)
    .describe(
      "Inspect only every n-th frame of cameras with `mode: free_run`. Triggered frames are always inspected.",
    ),
});

const smaller = z.strictObject({
  model: id.describe("Name of a model in `models` that is replaced by a smaller one."),
  variant: id.optional().describe("The variant of the same bundle to use instead."),
  bundle: path.optional().describe("The bundle to use instead, such as one with a smaller input."),
});

/** Steps that reduce the load while the processor is hot. */
export const shedding = z.strictObject({
  hot: z
    .number()
    .min(30)
    .max(125)
    .default(80)
    .describe("Temperature in degrees Celsius at and above which the next step is taken."),
  cool: z
    .number()
    .min(20)
    .max(120)
    .default(72)
    .describe(
      "Temperature in degrees Celsius at and below which the last step is undone; must be below `hot`.",
    ),
  hold: duration({ min: "1s", max: "1h", example: "10s" })
    .prefault("10s")
    .describe("Shortest time between two steps."),
  steps: z
    .array(z.union([skip, smaller]))
    .min(1)
    .max(8)
    .describe("Steps, taken one after another."),
});
