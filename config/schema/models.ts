import { z } from "zod";
import { duration, id, path } from "./scalars.ts";

const batchSize = z.int().min(1).max(64);

const batching = z
  .union([
    z.enum(["auto", "off"]),
    z.strictObject({
      preferred: z.array(batchSize).min(1).max(8).describe("Sizes that go at once, up to `max_batch`."),
      max_delay: duration({ min: "0ms", max: "10s", example: "5ms" }).describe(
        "What is fewer than preferred goes when the first has waited for so long.",
      ),
    }),
  ])
  .default("auto")
  .describe(
    "How frames come together up to `max_batch`. `auto`: never held back for a timer, sized by deadlines and what runs were measured to cost; `off`: one by one; `preferred` and `max_delay`: by fixed sizes and a timer, as Triton does.",
  );

const queue = z.strictObject({
  size: z
    .int()
    .min(1)
    .max(4096)
    .optional()
    .describe("Left out: room for every frame that may be under way, and 128 inference requests."),
  when_full: z
    .enum(["reject", "drop_oldest"])
    .default("reject")
    .describe(
      "Which request fails with ERR_QUEUE_FULL when the queue is full: the new one, or the one that has waited longest.",
    ),
});

/** One model of the configuration. */
export const model = z.strictObject({
  bundle: path.describe("Folder with the model's manifest.json; see models.md."),
  variant: id
    .optional()
    .describe("One of the bundle's variants by its name. Left out: the best for this machine."),
  trust: path
    .optional()
    .describe(
      "Folder with public keys (*.pem): the bundle has to be signed by one of them. Left out: its digests alone are checked.",
    ),
  preload: z
    .boolean()
    .default(true)
    .describe(
      "Whether the model is opened at the start, as far as there is room; otherwise the first frame that needs it opens it.",
    ),
  pin: z.boolean().default(false).describe("The model stays in memory and never makes room for another one."),
  idle_unload: duration({ min: "1s", max: "7d", example: "5m" })
    .optional()
    .describe(
      "How long the model may go without a frame before it gives its memory back. Left out: it does so only to make room for others.",
    ),
  stream: z
    .enum(["auto", "always", "never"])
    .default("auto")
    .describe(
      "Whether the model's weights come into memory slice by slice in each run; `auto`: only when it does not fit otherwise.",
    ),
  max_batch: batchSize
    .default(1)
    .describe(
      "Frames that one run may take, for models whose first dimension is open. Each takes memory for tensors; on a processor the gain is small: `sightline tune` measures it.",
    ),
  batching,
  instances: z
    .union([z.literal("auto"), z.int().min(1).max(64)])
    .default("auto")
    .describe("How many runs of this model may be under way at once; `auto`: as many as `engine.slots`."),
  deadline: duration({ min: "1ms", max: "10m", example: "100ms" })
    .optional()
    .describe("Time limit of requests that bring none of their own; one that cannot meet it is not run."),
  priority: z
    .int()
    .min(1)
    .max(100)
    .default(1)
    .describe(
      "Share of the engine while several models have work: a model with 2 gets twice the time of one with 1.",
    ),
  queue: queue.prefault({}).describe("Frames and inference requests that wait."),
});
