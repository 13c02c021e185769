import { z } from "zod";
import { isRecord } from "../../runtime/base/json-schema.ts";
import * as pushed from "./push-cameras.ts";
import { path, positiveNumber } from "./scalars.ts";

/** Image files from a folder or a list, as if a camera had taken them. */
const replay = z
  .strictObject({
    source: z.literal("replay").describe("What delivers the frames: `replay` reads image files."),
    path: path
      .optional()
      .describe("Folder of images, taken in the order of their names. Either this or `files`."),
    files: z.array(path).min(1).optional().describe("Image files, in this order. Either this or `path`."),
    fps: z
      .union([z.literal("max"), positiveNumber.max(1000)])
      .default(10)
      .describe('Frames per second; `"max"` delivers each as soon as there is room.'),
    repeat: z.enum(["loop", "once"]).default("loop").describe("Start again after the last image, or stop."),
    mode: z
      .enum(["free_run", "triggered"])
      .default("free_run")
      .describe("`free_run` may drop old frames for newer ones; `triggered` never drops one silently."),
    buffer: z.int().min(1).max(256).default(4).describe("Frames that may wait or be in work at a time."),
  })
  .superRefine(
    (value, ctx) => {
      const given = [value.path, value.files].filter((key) => key !== undefined).length;
      if (given === 2) {
        const message = "cannot stand next to path";
        ctx.addIssue({
          code: "custom",
          path: ["files"],
          message,
          params: { at: "key", hint: "remove one of the two" },
        });
      }
      if (given === 0) {
        const message = "needs images";
        ctx.addIssue({
          code: "custom",
          path: [],
          message,
          params: { at: "key", hint: "add path: FOLDER or files: [..]" },
        });
      }
    },
    { when: ({ value }) => isRecord(value) },
  );

/** One branch a kind of source, told apart by `source`. */
export const camera = z.discriminatedUnion("source", [replay, pushed.http, pushed.mqtt]);
