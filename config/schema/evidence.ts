import { z } from "zod";
import { duration, path, size } from "./scalars.ts";

const verdict = z.enum(["fail", "review", "error"]);
const limit = size({ min: "1MiB", max: "1024GiB", example: "256MiB" }).optional();

export const evidence = z.strictObject({
  path: path.default("./evidence").describe("Folder for the pictures; created when the first one is kept."),
  verdicts: z
    .array(verdict)
    .default(["fail", "review", "error"])
    .describe("Frames with these verdicts keep their pictures."),
  audit_sample: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe("Share of the passes whose pictures are kept, to see what slips through; 0.005 is one in 200."),
  max_size: size({ min: "1MiB", max: "1024GiB", example: "2GiB" })
    .prefault("2GiB")
    .describe("At this size the oldest pictures go, pass before error before review before fail."),
  max_size_of: z
    .strictObject({
      pass: limit.describe("Limit of the sampled passes."),
      error: limit.describe("Limit of the frames in error."),
      review: limit.describe("Limit of the frames for review."),
      fail: limit.describe("Limit of the fails."),
    })
    .prefault({})
    .describe("Limits of single verdicts. Left out: only `max_size`."),
  max_age: duration({ min: "1h", max: "3650d", example: "30d" })
    .prefault("30d")
    .describe("Older pictures are deleted."),
  min_free_percent: z
    .number()
    .min(0)
    .max(90)
    .default(10)
    .describe("Share of the disk that stays free: below it old pictures go, and then no new ones are kept."),
});
