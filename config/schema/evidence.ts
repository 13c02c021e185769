import * as z from "zod";
import { duration, path, size } from "./scalars.ts";

const verdict = z.enum(["fail", "review", "error"]);
const limit = size({ min: "1MiB", max: "1024GiB", example: "256MiB" }).optional();

export const evidence = z.strictObject({
  path: path.default("./evidence").describe("Folder for the pictures, created when the first one is kept."),
  verdicts: z
    .array(verdict)
    .default(["fail", "review", "error"])
    .describe("Verdicts whose pictures are kept."),
  audit_sample: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe("Share of the passes whose pictures are kept, to find missed defects; 0.005 is one in 200."),
  max_size: size({ min: "1MiB", max: "1024GiB", example: "2GiB" })
    .prefault("2GiB")
    .describe(
      "Limit on all pictures; above it the oldest are deleted, first passes, then errors, reviews and fails.",
    ),
  max_size_of: z
    .strictObject({
      pass: limit.describe("Limit on the pictures of sampled passes."),
      error: limit.describe("Limit on the pictures of errors."),
      review: limit.describe("Limit on the pictures of reviews."),
      fail: limit.describe("Limit on the pictures of fails."),
    })
    .prefault({})
    .describe("Limits on single verdicts. Default: only `max_size` applies."),
  max_age: duration({ min: "1h", max: "3650d", example: "30d" })
    .prefault("30d")
    .describe("Age at which pictures are deleted."),
  min_free_percent: z
    .number()
    .min(0)
    .max(90)
    .default(10)
    .describe(
      "Percentage of the disk to leave free: below it, old pictures are deleted, and if that is not enough, no new ones are kept.",
    ),
});
