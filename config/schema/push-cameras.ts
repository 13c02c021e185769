import { z } from "zod";
import { text } from "./scalars.ts";

const buffer = (what: string) => z.int().min(1).max(256).default(8).describe(what);

/** Frames that callers post, one by one, and get the verdict for. */
export const http = z.strictObject({
  source: z
    .literal("http")
    .describe("`http` takes frames that are posted to `/cameras/NAME/frames`; see http.md."),
  mode: z
    .enum(["free_run", "triggered"])
    .default("triggered")
    .describe("`triggered` answers each frame; `free_run` may drop old frames for newer ones."),
  buffer: buffer("Frames that may wait, for each pipeline."),
});

const group = z
  .string()
  .regex(/^[^\p{Cc}+#/]{1,64}$/u)
  .meta({ "x-noun": "a name of 1 to 64 characters without +, # or /" });

/** Frames that others publish at the broker. Each has its answer, so there is no mode that drops some. */
export const mqtt = z.strictObject({
  source: z.literal("mqtt").describe("`mqtt` takes frames from a topic at the broker (MQTT 5); see mqtt.md."),
  topic: text.describe("Topic of the frames; `+` and `#` stand for levels, as everywhere in MQTT."),
  group: group
    .optional()
    .describe("Devices that name the same group share the frames: each frame goes to one of them."),
  buffer: buffer("Frames that the broker may hand over before their verdicts are stored."),
});
