import { CAPS_NAME, GST_FORMATS } from "./caps.ts";
import type { Launch } from "./launch.ts";
import type { RawFormat } from "./layout.ts";

export const GST_PRESETS = ["usb", "picam", "jetson-csi", "rtsp", "gige", "file", "test"] as const;
export type GstPreset = (typeof GST_PRESETS)[number];

/** What the pipeline has to deliver; what is left out is the source's choice. */
export interface GstOptions {
  pipeline?: string | undefined;
  preset?: GstPreset | undefined;
  device?: string | undefined;
  url?: string | undefined;
  path?: string | undefined;
  pattern?: string | undefined;
  width?: number | undefined;
  height?: number | undefined;
  fps?: number | undefined;
  format?: RawFormat | "jpeg" | undefined;
  /** Paced by the pictures' own times, as a camera would; only of files. */
  realTime?: boolean;
}

type Elements = readonly string[];

export function gstLaunch(options: GstOptions, boundary: string): Launch {
  const sync = options.preset === "file" && options.realTime !== false;
  const args = [
    "-v",
    ...sourceElements(options),
    ...["!", "capsfilter", `name=${CAPS_NAME}`, `caps=${outputCaps(options)}`],
    ...["!", "multipartmux", `boundary=${boundary}`],
    ...["!", "fdsink", "fd=3", `sync=${sync}`],
  ];
  const framing = { kind: "multipart", boundary } as const;
  return { command: "gst-launch-1.0", args, framesTo: 3, framing, noise: /^\/GstPipeline:/ };
}

export function sourceElements(options: GstOptions): Elements {
  if (options.pipeline !== undefined) return words(options.pipeline);
  return PRESETS[options.preset ?? "test"](options);
}

/**
 * A pipeline's words as `gst-launch-1.0` takes them; it puts them together again and escapes blanks within one, so
 * quotes stay where they are and nothing else has a meaning.
 */
export const words = (pipeline: string): string[] => pipeline.match(/(?:[^\s"]|"(?:\\.|[^"\\])*"?)+/g) ?? [];

const PRESETS: Record<GstPreset, (options: GstOptions) => Elements> = {
  usb: (o) => [
    ...["v4l2src", `device=${o.device ?? "/dev/video0"}`],
    ...mode(o, o.format === "jpeg" ? "image/jpeg" : "video/x-raw"),
    ...converted(o),
  ],
  picam: (o) => ["libcamerasrc", ...named("camera-name", o.device), ...mode(o), ...converted(o)],
  "jetson-csi": (o) => [
    ...["nvarguscamerasrc", ...named("sensor-id", o.device)],
    ...mode(o, "video/x-raw(memory:NVMM)"),
    ...["!", "nvvidconv", "!", "video/x-raw"],
    ...converted(o),
  ],
  rtsp: (o) => [
    ...["rtspsrc", `location=${o.url ?? ""}`, "protocols=tcp", "latency=100", "drop-on-latency=true"],
    ...["!", "application/x-rtp,media=video", "!", "decodebin"],
    ...scaled(o),
  ],
  gige: (o) => ["aravissrc", ...named("camera-name", o.device), ...mode(o), ...converted(o)],
  file: (o) => ["filesrc", `location=${o.path ?? ""}`, "!", "decodebin", ...scaled(o)],
  test: (o) => ["videotestsrc", "is-live=true", ...named("pattern", o.pattern), ...mode(o), ...converted(o)],
};

const named = (property: string, value: string | undefined): Elements =>
  value === undefined ? [] : [`${property}=${value}`];

/** The size and rate that the device is asked for. */
function mode({ fps, height, width }: GstOptions, media = "video/x-raw"): Elements {
  const fields = [
    width !== undefined && `width=${width}`,
    height !== undefined && `height=${height}`,
    fps !== undefined && `framerate=${fraction(fps)}`,
  ].filter((field) => field !== false);
  return fields.length > 0 ? ["!", [media, ...fields].join(",")] : [];
}

/** Does nothing where the source already delivers what is asked for. */
function converted({ format, preset }: GstOptions): Elements {
  if (format !== "jpeg") return ["!", "videoconvert"];
  return preset === "usb" ? [] : ["!", "videoconvert", "!", "jpegenc", "quality=95"];
}

function scaled(options: GstOptions): Elements {
  const { height, width } = options;
  const isSized = width !== undefined && height !== undefined;
  return [
    ...(isSized ? ["!", "videoscale", "!", `video/x-raw,width=${width},height=${height}`] : []),
    ...converted(options),
  ];
}

function outputCaps({ format, height, width }: GstOptions): string {
  if (format === "jpeg") return "image/jpeg";
  const formats = format ? GST_FORMATS[format] : `(string){${Object.values(GST_FORMATS).join(",")}}`;
  const size = [width !== undefined && `width=${width}`, height !== undefined && `height=${height}`];
  return ["video/x-raw", `format=${formats}`, ...size.filter((field) => field !== false)].join(",");
}

/** GStreamer's rates are fractions: 29.97 → 2997/100. */
function fraction(fps: number): string {
  const factor = Number.isInteger(fps) ? 1 : 1000;
  return `${Math.round(fps * factor)}/${factor}`;
}

/** Where the elements that presets use come from in Debian. */
const PACKAGES: Record<string, string> = {
  v4l2src: "gstreamer1.0-plugins-good",
  jpegdec: "gstreamer1.0-plugins-good",
  jpegenc: "gstreamer1.0-plugins-good",
  multipartmux: "gstreamer1.0-plugins-good",
  rtspsrc: "gstreamer1.0-plugins-good",
  qtdemux: "gstreamer1.0-plugins-good",
  libcamerasrc: "gstreamer1.0-libcamera",
  aravissrc: "libaravis-0.8-0",
  videotestsrc: "gstreamer1.0-plugins-base",
  videoconvert: "gstreamer1.0-plugins-base",
  videoscale: "gstreamer1.0-plugins-base",
  decodebin: "gstreamer1.0-plugins-base",
  avdec_h264: "gstreamer1.0-libav",
};

/** What to install, when that is what the lines of a failed child say. */
export function installHint(lines: readonly string[]): string | undefined {
  const text = lines.join("\n");
  if (/gst-launch-1\.0: not found|gst-launch-1\.0 ENOENT/.test(text)) return install("gstreamer1.0-tools");
  const element = /no element "([^"]+)"/.exec(text)?.[1];
  if (element !== undefined) {
    if (/^nv/.test(element)) return `${element} comes with NVIDIA's JetPack and works on a Jetson only.`;
    const name = PACKAGES[element];
    return name ? install(name) : `Install the GStreamer plugin that has the element ${element}.`;
  }
  return /missing (a plug-?in|decoder)|decoder for/i.test(text) ? install("gstreamer1.0-libav") : undefined;
}

const install = (name: string): string => `sudo apt-get install ${name}`;
