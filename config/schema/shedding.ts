import { z } from "zod";
import { duration, id, path } from "./scalars.ts";

const skip = z.strictObject({
  every: z
    .int()
    .min(2)
    .max(1000)
    .describe(
      "Only one frame in this many is judged, of cameras with `mode: free_run`. Triggered parts are all judged.",
    ),
});

const smaller = z.strictObject({
  model: id.describe("A model of `models` that gives way to a smaller one."),
  variant: id.optional().describe("Another variant of its bundle."),
  bundle: path.optional().describe("Another bundle, such as one with a smaller input."),
});

/** What is done less of while the processor is hot. */
export const shedding = z.strictObject({
  hot: z
    .number()
    .min(30)
    .max(125)
    .default(80)
    .describe("Degrees Celsius at and above which a step is taken."),
  cool: z
    .number()
    .min(20)
    .max(120)
    .default(72)
    .describe("Degrees Celsius at and below which a step is taken back; lower than `hot`."),
  hold: duration({ min: "1s", max: "1h", example: "10s" })
    .prefault("10s")
    .describe("The shortest time between two steps."),
  steps: z
    .array(z.union([skip, smaller]))
    .min(1)
    .max(8)
    .describe("Steps that are taken one after the other."),
});
