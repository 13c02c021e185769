import * as z from "zod";
import { duration, id, path } from "./scalars.ts";

const batchSize = z.int().min(1).max(64);

const batching = z
  .union([
    z.enum(["auto", "off"]),
    z.strictObject({
      preferred: z
        .array(batchSize)
        .min(1)
        .max(8)
        .describe("Batch sizes that start at once, up to `max_batch`."),
      max_delay: duration({ min: "0ms", max: "10s", example: "5ms" }).describe(
        "How long the first request may wait for a preferred size; after that, a smaller batch starts.",
      ),
    }),
  ])
  .default("auto")
  .describe(
    "How frames are batched, up to `max_batch`. `auto`: by deadlines and the measured cost of runs, without a timer; `off`: one frame a run; `preferred` and `max_delay`: by fixed sizes and a timer, as in Triton.",
  );

const queue = z.strictObject({
  size: z
    .int()
    .min(1)
    .max(4096)
    .optional()
    .describe(
      "How many requests may wait. Default: every frame that can be in flight, and 128 inference requests.",
    ),
  when_full: z
    .enum(["reject", "drop_oldest"])
    .default("reject")
    .describe(
      "Which request fails with ERR_QUEUE_FULL when the queue is full: the new one, or the one that has waited longest.",
    ),
});

/** One entry of `models`. */
export const model = z.strictObject({
  bundle: path.describe("Folder that contains the model's manifest.json; see models.md."),
  variant: id
    .optional()
    .describe("Name of one of the bundle's variants. Default: the best one for this machine."),
  trust: path
    .optional()
    .describe(
      "Folder with public keys (*.pem); the bundle must be signed by one of them. Default: only its digests are checked.",
    ),
  preload: z
    .boolean()
    .default(true)
    .describe(
      "Whether the model is opened at startup, if there is room; otherwise the first frame that needs it opens it.",
    ),
  pin: z
    .boolean()
    .default(false)
    .describe("Whether the model stays in memory and is never evicted to make room for another."),
  idle_unload: duration({ min: "1s", max: "7d", example: "5m" })
    .optional()
    .describe(
      "How long the model may be unused before it is unloaded. Default: it is unloaded only to make room for other models.",
    ),
  stream: z
    .enum(["auto", "always", "never"])
    .default("auto")
    .describe(
      "Whether each run reads the model's weights into memory slice by slice; `auto`: only if they do not fit otherwise.",
    ),
  max_batch: batchSize
    .default(1)
    .describe(
      "Most frames in one run, for models with a dynamic batch dimension. Each frame takes memory for its tensors, and on a CPU the gain is small; `sightline tune` measures it.",
    ),
  batching,
  instances: z
    .union([z.literal("auto"), z.int().min(1).max(64)])
    .default("auto")
    .describe("How many runs of this model may be in flight at once; `auto`: as many as `engine.slots`."),
  deadline: duration({ min: "1ms", max: "10m", example: "100ms" })
    .optional()
    .describe("Deadline of requests that do not bring their own; a request that cannot meet it is not run."),
  priority: z
    .int()
    .min(1)
    .max(100)
    .default(1)
    .describe(
      "Share of the engine's time while several models have work: a model with 2 gets twice as much as one with 1.",
    ),
  queue: queue.prefault({}).describe("Queue of the frames and inference requests that wait for this model."),
});
