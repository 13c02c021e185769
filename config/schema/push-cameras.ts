import * as z from "zod";
import { text } from "./scalars.ts";

const buffer = (what: string) => z.int().min(1).max(256).default(8).describe(what);

/** Frames that clients post one by one; each response carries the verdict. */
export const http = z.strictObject({
  source: z.literal("http").describe("`http` accepts frames posted to `/cameras/NAME/frames`; see http.md."),
  mode: z
    .enum(["free_run", "triggered"])
    .default("triggered")
    .describe("`triggered` answers each frame; `free_run` may drop old frames for newer ones."),
  buffer: buffer("How many frames may wait, for each pipeline."),
});

const group = z
  .string()
  .regex(/^[^\p{Cc}+#/]{1,64}$/u)
  .meta({ "x-noun": "a name of 1 to 64 characters without +, # or /" });

/** Frames that other devices publish at the broker. Each one is answered, so no mode may drop any. */
export const mqtt = z.strictObject({
  source: z
    .literal("mqtt")
    .describe("`mqtt` receives frames from a topic at the broker (MQTT 5); see mqtt.md."),
  topic: text.describe("Topic of the frames, which may contain the wildcards `+` and `#`."),
  group: group
    .optional()
    .describe("Devices with the same group share the frames: each frame goes to one of them."),
  buffer: buffer("Most frames that the broker may deliver before their verdicts are stored."),
});
