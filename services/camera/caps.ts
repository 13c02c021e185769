import type { RawPicture } from "../../runtime/pipeline/frame.ts";
import { gstLayout, type Layout, type RawFormat } from "./layout.ts";

/** What a GStreamer pipeline delivers. */
export type Caps =
  | { encoding: "still" }
  | { encoding: "raw"; layout: Layout; colors: Colors }
  | { encoding: "unknown"; text: string };

/** Of YUV formats; what is left out follows from the size. */
export type Colors = Pick<RawPicture, "matrix" | "range">;

/** The capsfilter at the end of each pipeline, so that its line can be told from others. */
export const CAPS_NAME = "sightline";

/** GStreamer's names. */
export const GST_FORMATS: Record<RawFormat, string> = {
  rgb: "RGB",
  bgr: "BGR",
  gray8: "GRAY8",
  nv12: "NV12",
  i420: "I420",
  yuy2: "YUY2",
};

const LINE = new RegExp(`GstCapsFilter:${CAPS_NAME}\\.GstPad:src: caps = (.+)$`);

/** Reads what `gst-launch-1.0 -v` prints before the first frame of its kind; undefined for other lines. */
export function capsOfLine(line: string): Caps | undefined {
  const text = LINE.exec(line)?.[1];
  if (text === undefined) return undefined;
  if (/^image\/jpeg\b/.test(text)) return { encoding: "still" };
  const field = (name: string) => new RegExp(`\\b${name}=\\(\\w+\\)([\\w-]+)`).exec(text)?.[1];
  const format = Object.entries(GST_FORMATS).find(([, name]) => name === field("format"))?.[0];
  const [width, height] = [Number(field("width")), Number(field("height"))];
  if (!/^video\/x-raw\b/.test(text) || !format || !(width > 0) || !(height > 0)) {
    return { encoding: "unknown", text };
  }
  const layout = gstLayout({ format: format as RawFormat, width, height });
  const colors = colorsOf(/\bcolorimetry=\(\w+\)([\w:]+)/.exec(text)?.[1]);
  return { encoding: "raw", layout, colors };
}

/** `bt601`, `bt709`, or range:matrix:transfer:primaries in numbers (gst-libs/gst/video/video-color.h). */
function colorsOf(colorimetry = ""): Colors {
  if (colorimetry === "bt601" || colorimetry === "bt709") return { matrix: colorimetry, range: "limited" };
  const [range, matrix] = colorimetry.split(":");
  return {
    ...(matrix === "3" && { matrix: "bt709" }),
    ...(matrix === "4" && { matrix: "bt601" }),
    ...(range === "1" && matrix !== undefined && { range: "full" }),
    ...(range === "2" && { range: "limited" }),
  };
}
