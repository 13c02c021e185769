import * as z from "zod";
import { isRecord } from "../../runtime/base/json-schema.ts";
import * as pushed from "./push-cameras.ts";
import { duration, path, positiveNumber, text } from "./scalars.ts";

const MODE = {
  mode: z
    .enum(["free_run", "triggered"])
    .default("free_run")
    .describe("`free_run` may drop old frames for newer ones; `triggered` never drops one silently."),
  buffer: z.int().min(1).max(256).default(4).describe("How many frames may wait or be processed at a time."),
};

const side = z.int().min(8).max(16_384);
const RAW_FORMATS = ["rgb", "bgr", "gray8", "nv12", "i420", "yuy2"] as const;
const argument = z
  .string()
  .regex(/^[^\0]{1,4096}$/)
  .meta({ "x-noun": "text of 1 to 4096 characters" });
const command = z.array(argument).min(1);

/** Options of every source that runs as a child process. */
const SUPERVISION = {
  stall: duration({ min: "100ms", max: "1d", example: "2s" })
    .optional()
    .describe(
      "How long the camera may deliver nothing before it counts as stalled and is restarted. Default: 1.8 s or 5 frame intervals, whichever is longer; no limit with `mode: triggered`.",
    ),
  recover_cmd: command
    .optional()
    .describe(
      'Command to run, without a shell, when restarts alone do not bring the camera back, such as `["systemctl", "restart", "nvargus-daemon"]`.',
    ),
  fault_frames: z
    .int()
    .min(1)
    .max(10_000)
    .default(10)
    .describe(
      "How many frames in a row must be frozen, black, overexposed or blurred before the fault is reported.",
    ),
  sharpness_min: positiveNumber
    .optional()
    .describe(
      "A picture counts as blurred when the variance of its Laplacian is below this. Default: pictures are not checked for blur.",
    ),
};

/** Replays images or a video as if a camera were taking them. */
const replay = z
  .strictObject({
    source: z
      .literal("replay")
      .describe("What delivers the frames: `replay` reads image files or plays a video file."),
    path: path
      .optional()
      .describe(
        "Folder of images, replayed in the order of their names, or a video file. Give either this or `files`.",
      ),
    files: z
      .array(path)
      .min(1)
      .optional()
      .describe("Image files, replayed in this order. Give either this or `path`."),
    fps: z
      .union([z.literal("max"), positiveNumber.max(1000)])
      .default(10)
      .describe('Frames per second; `"max"` delivers each frame as soon as there is room for it.'),
    repeat: z
      .enum(["loop", "once"])
      .default("loop")
      .describe("Whether to start again after the last image or to stop."),
    ...MODE,
  })
  .superRefine(
    (value, ctx) => {
      const given = [value.path, value.files].filter((key) => key !== undefined).length;
      if (given === 2) complain(ctx, ["files"], "cannot be combined with path", "remove one of the two");
      if (given === 0) complain(ctx, [], "needs images", "add path: FOLDER or files: [..]");
    },
    { when: ({ value }) => isRecord(value) },
  );

/** The keys that each preset accepts, and the ones that it requires. */
const PRESETS = {
  usb: { takes: ["device"], needs: [] },
  picam: { takes: ["device"], needs: [] },
  "jetson-csi": { takes: ["device"], needs: [] },
  rtsp: { takes: ["url"], needs: ["url"] },
  gige: { takes: ["device"], needs: [] },
  file: { takes: ["path"], needs: ["path"] },
  test: { takes: ["pattern"], needs: [] },
} as const;

const PRESET_KEYS = ["device", "url", "path", "pattern"] as const;

/** A GStreamer pipeline in a process of its own. */
const gst = z
  .strictObject({
    source: z.literal("gst").describe("`gst` runs a GStreamer pipeline in a process of its own."),
    pipeline: z
      .string()
      .min(1)
      .optional()
      .describe(
        "A pipeline in the syntax of `gst-launch-1.0`, without a sink; its output must be video/x-raw or image/jpeg. Give either this or `preset`.",
      ),
    preset: z
      .enum(["usb", "picam", "jetson-csi", "rtsp", "gige", "file", "test"])
      .optional()
      .describe("A ready-made pipeline for one kind of camera; see cameras.md."),
    device: text
      .optional()
      .describe(
        "With `usb`: a device such as `/dev/v4l/by-id/…` (default: /dev/video0). With `jetson-csi`: the sensor's number. With `picam` and `gige`: the camera's name (default: the first one found).",
      ),
    url: z
      .string()
      .regex(/^rtsps?:\/\/[^\s]+$/)
      .meta({ "x-noun": 'an address such as "rtsp://camera.local/stream"', "x-secret": true })
      .optional()
      .describe("With `rtsp`: the stream's address; use `${file:PATH}` if it contains a password."),
    path: path.optional().describe("With `file`: a video, played in a loop at its own speed."),
    pattern: text.optional().describe("With `test`: a pattern of videotestsrc. Default: colour bars."),
    width: side.optional().describe("Width in pixels. Default: the source's own."),
    height: side.optional().describe("Height in pixels. Default: the source's own."),
    fps: positiveNumber
      .max(1000)
      .optional()
      .describe("Frames per second to request from the device and to expect. Default: the source's own."),
    format: z
      .enum([...RAW_FORMATS, "jpeg"])
      .optional()
      .describe(
        "Format of the frames; `jpeg` is decoded later, in Sightline. Default: the format that needs no conversion.",
      ),
    ...MODE,
    ...SUPERVISION,
  })
  .superRefine(checkGst, { when: ({ value }) => isRecord(value) });

function checkGst(value: Record<string, unknown>, ctx: z.RefinementCtx): void {
  const { pipeline, preset } = value;
  if (pipeline !== undefined && preset !== undefined) {
    complain(ctx, ["preset"], "cannot be combined with pipeline", "remove one of the two");
  }
  if (pipeline === undefined && preset === undefined) {
    complain(ctx, [], "needs a pipeline", 'add preset: usb or pipeline: "…"');
  }
  const known = Object.entries(PRESETS).find(([name]) => name === preset)?.[1];
  if (preset !== undefined && !known) return;
  const { needs, takes } = known ?? { needs: [], takes: [] };
  for (const key of needs.filter((key) => value[key] === undefined)) {
    complain(ctx, [], `preset ${preset} needs ${key}`, `add ${key}: …`);
  }
  for (const key of PRESET_KEYS) {
    if (value[key] === undefined || takes.some((taken) => taken === key)) continue;
    const users = Object.entries(PRESETS).filter(([, of]) => of.takes.some((taken) => taken === key));
    const hint = `it is an option of preset ${users.map(([name]) => name).join(", ")}`;
    complain(ctx, [key], preset ? `is not an option of preset ${preset}` : "needs a preset", hint);
  }
  if ((value.width === undefined) !== (value.height === undefined)) {
    const given = value.width === undefined ? "height" : "width";
    const missing = given === "width" ? "height" : "width";
    complain(ctx, [given], `needs ${missing} too`, "give both, or neither to take the source's own");
  }
}

/** Any program that writes frames to its standard output. */
const exec = z
  .strictObject({
    source: z.literal("exec").describe("`exec` runs any program that writes frames to its standard output."),
    command: command.describe("The program and its arguments, run without a shell."),
    framing: z
      .enum(["raw", "multipart", "mjpeg"])
      .default("raw")
      .describe(
        "`raw`: frames of one size with nothing between them. `multipart`: a boundary and a Content-Length before each frame, so that torn frames are detected. `mjpeg`: one JPEG after another.",
      ),
    format: z
      .enum([...RAW_FORMATS, "jpeg"])
      .optional()
      .describe(
        "Pixel format of the frames, or `jpeg` with `framing: multipart`. Not needed with `framing: mjpeg`.",
      ),
    width: side.optional().describe("Width in pixels."),
    height: side.optional().describe("Height in pixels."),
    stride: z
      .int()
      .min(1)
      .max(1_048_576)
      .optional()
      .describe("Bytes from the start of one row to the next. Default: rows have no padding."),
    fps: positiveNumber.max(1000).optional().describe("Expected frames per second."),
    ...MODE,
    ...SUPERVISION,
  })
  .superRefine(checkExec, { when: ({ value }) => isRecord(value) });

function checkExec(value: Record<string, unknown>, ctx: z.RefinementCtx): void {
  const { format, framing } = value;
  if (framing === "mjpeg" || (framing === "multipart" && format === "jpeg")) return;
  if (format === "jpeg")
    complain(ctx, ["format"], "cannot be combined with framing raw", "write framing: mjpeg");
  for (const key of ["format", "width", "height"].filter((key) => value[key] === undefined)) {
    complain(ctx, [], `raw pixels need ${key}`, `add ${key}: …, or framing: mjpeg if the frames are JPEGs`);
  }
}

function complain(ctx: z.RefinementCtx, path: string[], message: string, hint: string): void {
  ctx.addIssue({ code: "custom", path, message, params: { at: "key", hint } });
}

/** One branch for each kind of source, selected by `source`. */
export const camera = z.discriminatedUnion("source", [replay, gst, exec, pushed.http, pushed.mqtt]);
