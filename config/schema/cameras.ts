import { z } from "zod";
import { isRecord } from "../../runtime/base/json-schema.ts";
import * as pushed from "./push-cameras.ts";
import { duration, path, positiveNumber, text } from "./scalars.ts";

const MODE = {
  mode: z
    .enum(["free_run", "triggered"])
    .default("free_run")
    .describe("`free_run` may drop old frames for newer ones; `triggered` never drops one silently."),
  buffer: z.int().min(1).max(256).default(4).describe("How many frames may wait or be in process at a time."),
};

const side = z.int().min(8).max(16_384);
const RAW_FORMATS = ["rgb", "bgr", "gray8", "nv12", "i420", "yuy2"] as const;
const argument = z
  .string()
  .regex(/^[^\0]{1,4096}$/)
  .meta({ "x-noun": "text of 1 to 4096 characters" });
const command = z.array(argument).min(1);

/** Of sources that are child processes. */
const SUPERVISION = {
  stall: duration({ min: "100ms", max: "1d", example: "2s" })
    .optional()
    .describe(
      "Longest silence before the camera counts as stalled and is restarted. Left out: the longer of 1.8 s and 5 frame times; with `mode: triggered` none.",
    ),
  recover_cmd: command
    .optional()
    .describe(
      'Command and arguments that may help when restarts do not, such as `["systemctl", "restart", "nvargus-daemon"]`; run without a shell.',
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
      "A picture whose Laplacian varies by less than this counts as blurred. Left out: pictures are not checked for blur.",
    ),
};

/** Images or a video, as if a camera had taken them. */
const replay = z
  .strictObject({
    source: z
      .literal("replay")
      .describe("What delivers the frames: `replay` reads image files or plays a video file."),
    path: path
      .optional()
      .describe(
        "Folder of images, taken in the order of their names, or a video file. Either this or `files`.",
      ),
    files: z.array(path).min(1).optional().describe("Image files, in this order. Either this or `path`."),
    fps: z
      .union([z.literal("max"), positiveNumber.max(1000)])
      .default(10)
      .describe('Frames per second; `"max"` delivers each as soon as there is room.'),
    repeat: z.enum(["loop", "once"]).default("loop").describe("Start again after the last image, or stop."),
    ...MODE,
  })
  .superRefine(
    (value, ctx) => {
      const given = [value.path, value.files].filter((key) => key !== undefined).length;
      if (given === 2) complain(ctx, ["files"], "cannot stand next to path", "remove one of the two");
      if (given === 0) complain(ctx, [], "needs images", "add path: FOLDER or files: [..]");
    },
    { when: ({ value }) => isRecord(value) },
  );

/** Which keys a preset takes, and which it cannot do without. */
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
        "A pipeline as `gst-launch-1.0` takes it, without a sink; what comes out of it is video/x-raw or image/jpeg. Either this or `preset`.",
      ),
    preset: z
      .enum(["usb", "picam", "jetson-csi", "rtsp", "gige", "file", "test"])
      .optional()
      .describe("A pipeline that Sightline makes for a kind of camera; see cameras.md."),
    device: text
      .optional()
      .describe(
        "Of `usb`: such as `/dev/v4l/by-id/…` (left out: /dev/video0). Of `jetson-csi`: the sensor's number. Of `picam` and `gige`: the camera's name (left out: the first).",
      ),
    url: z
      .string()
      .regex(/^rtsps?:\/\/[^\s]+$/)
      .meta({ "x-noun": 'an address such as "rtsp://camera.local/stream"', "x-secret": true })
      .optional()
      .describe("Of `rtsp`: where the stream is; best as `${file:PATH}` when it holds a password."),
    path: path.optional().describe("Of `file`: a video, played at its own speed and again from the start."),
    pattern: text.optional().describe("Of `test`: a pattern of videotestsrc. Left out: colour bars."),
    width: side.optional().describe("Pixels across. Left out: the source's."),
    height: side.optional().describe("Pixels down. Left out: the source's."),
    fps: positiveNumber
      .max(1000)
      .optional()
      .describe("Frames per second that the device is asked for, and expected. Left out: the source's."),
    format: z
      .enum([...RAW_FORMATS, "jpeg"])
      .optional()
      .describe("How frames are delivered; `jpeg` to be decoded later. Left out: what takes no conversion."),
    ...MODE,
    ...SUPERVISION,
  })
  .superRefine(checkGst, { when: ({ value }) => isRecord(value) });

function checkGst(value: Record<string, unknown>, ctx: z.RefinementCtx): void {
  const { pipeline, preset } = value;
  if (pipeline !== undefined && preset !== undefined) {
    complain(ctx, ["preset"], "cannot stand next to pipeline", "remove one of the two");
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
    const hint = `it goes with preset ${users.map(([name]) => name).join(", ")}`;
    complain(ctx, [key], preset ? `is not for preset ${preset}` : "is not for a pipeline of your own", hint);
  }
  if ((value.width === undefined) !== (value.height === undefined)) {
    const given = value.width === undefined ? "height" : "width";
    complain(ctx, [given], "needs the other of width and height", "give both, or leave both to the source");
  }
}

/** Any program that writes frames to its output. */
const exec = z
  .strictObject({
    source: z.literal("exec").describe("`exec` runs any program that writes frames to its standard output."),
    command: command.describe("The program and its arguments; run without a shell."),
    framing: z
      .enum(["raw", "multipart", "mjpeg"])
      .default("raw")
      .describe(
        "`raw`: frames of one size with nothing between them. `multipart`: a boundary and a Content-Length before each, so that a torn frame is noticed. `mjpeg`: one JPEG after the other.",
      ),
    format: z
      .enum([...RAW_FORMATS, "jpeg"])
      .optional()
      .describe(
        "Pixel format of the frames; `jpeg` with `framing: multipart` for stills. With `mjpeg` it is not needed.",
      ),
    width: side.optional().describe("Pixels across."),
    height: side.optional().describe("Pixels down."),
    stride: z
      .int()
      .min(1)
      .max(1_048_576)
      .optional()
      .describe("Bytes from one row to the next. Left out: rows are not padded."),
    fps: positiveNumber.max(1000).optional().describe("Frames per second that are expected."),
    ...MODE,
    ...SUPERVISION,
  })
  .superRefine(checkExec, { when: ({ value }) => isRecord(value) });

function checkExec(value: Record<string, unknown>, ctx: z.RefinementCtx): void {
  const { format, framing } = value;
  if (framing === "mjpeg" || (framing === "multipart" && format === "jpeg")) return;
  if (format === "jpeg") complain(ctx, ["format"], "is not for framing raw", "write framing: mjpeg");
  for (const key of ["format", "width", "height"].filter((key) => value[key] === undefined)) {
    complain(ctx, [], `pixels need ${key}`, `add ${key}: …, or framing: mjpeg when these are JPEGs`);
  }
}

function complain(ctx: z.RefinementCtx, path: string[], message: string, hint: string): void {
  ctx.addIssue({ code: "custom", path, message, params: { at: "key", hint } });
}

/** One branch a kind of source, told apart by `source`. */
export const camera = z.discriminatedUnion("source", [replay, gst, exec, pushed.http, pushed.mqtt]);
