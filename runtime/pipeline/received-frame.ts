import { SightlineError } from "../base/errors.ts";
import type { PixelFormat, PlaneLayout } from "../native/index.ts";
import type { Picture, RawPicture } from "./frame.ts";

/** A frame as it comes over a network: bytes, and what the sender says of them. */
export interface ReceivedFrame {
  picture: Picture;
  partId: string | undefined;
  triggerId: string | undefined;
  sourceId: string | undefined;
  /** Wall clock, milliseconds. */
  sourceTimeMs: number | undefined;
}

/** Reads what the sender wrote under a name: a value of the query or a header, or a user property of MQTT. */
export type FieldReader = (name: string) => string | undefined;

/** The last millisecond of the year 9999: years have four digits wherever times are written. */
const TIME_MS_MAX = Date.UTC(10_000, 0) - 1;
const SIDE_MAX = 65_536;
const ID = /^[^\p{Cc}]{1,128}$/u;

/**
 * `format`, `width` and `height` make the bytes raw pixels without padding; else they are an encoded picture.
 * Errors: ERR_FRAME_INVALID, ERR_IMAGE_EMPTY.
 */
export function receivedFrame(bytes: Uint8Array, field: FieldReader): ReceivedFrame {
  if (bytes.byteLength === 0) throw new SightlineError("ERR_IMAGE_EMPTY", "0 bytes");
  return {
    picture: field("format") === undefined ? { encoding: "still", bytes } : rawPicture(bytes, field),
    partId: id(field, "part_id"),
    triggerId: id(field, "trigger_id"),
    sourceId: id(field, "frame_id"),
    sourceTimeMs: wholeNumber(field, "ts_ms", TIME_MS_MAX),
  };
}

/** One without a picture: what can be understood of its names is kept, so that its part can be answered. */
export function unusableFrame(field: FieldReader): ReceivedFrame {
  const name = (key: string): string | undefined => (ID.test(field(key) ?? "") ? field(key) : undefined);
  return {
    picture: { encoding: "still", bytes: new Uint8Array() },
    partId: name("part_id"),
    triggerId: name("trigger_id"),
    sourceId: name("frame_id"),
    sourceTimeMs: undefined,
  };
}

function rawPicture(bytes: Uint8Array, field: FieldReader): RawPicture {
  const written = field("format") ?? "";
  if (!isFormat(written))
    throw invalid(`format is "${written}"`, `Known are ${Object.keys(ROWS).join(", ")}.`);
  const width = wholeNumber(field, "width", SIDE_MAX);
  const height = wholeNumber(field, "height", SIDE_MAX);
  if (width === undefined || height === undefined) throw invalid("raw pixels need width and height");
  const { planes, size } = packed(written, width, height);
  if (bytes.byteLength !== size) {
    throw invalid(`${width}×${height} ${written} is ${size} bytes without padding, not ${bytes.byteLength}`);
  }
  return { encoding: "raw", format: written, width, height, planes, bytes };
}

/** Bytes of a row in each plane; planes after the first have half as many rows. */
const ROWS: Record<PixelFormat, (width: number) => readonly number[]> = {
  gray8: (width) => [width],
  rgb24: (width) => [3 * width],
  bgr24: (width) => [3 * width],
  yuyv: (width) => [4 * Math.ceil(width / 2)],
  nv12: (width) => [width, 2 * Math.ceil(width / 2)],
  i420: (width) => [width, Math.ceil(width / 2), Math.ceil(width / 2)],
};

const isFormat = (text: string): text is PixelFormat => Object.hasOwn(ROWS, text);

function packed(format: PixelFormat, width: number, height: number) {
  const planes: PlaneLayout[] = [];
  let size = 0;
  for (const [plane, stride] of ROWS[format](width).entries()) {
    planes.push({ offset: size, stride });
    size += stride * (plane === 0 ? height : Math.ceil(height / 2));
  }
  return { planes, size };
}

function id(field: FieldReader, name: string): string | undefined {
  const value = field(name);
  if (value === undefined || ID.test(value)) return value;
  throw invalid(`${name} is not text of 1 to 128 characters`);
}

function wholeNumber(field: FieldReader, name: string, max: number): number | undefined {
  const text = field(name);
  if (text === undefined) return undefined;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= max) return value;
  throw invalid(`${name} is "${text}", not a whole number from 1 to ${max}`);
}

const invalid = (
  message: string,
  hint = "Compare what is sent with docs/http.md or docs/mqtt.md.",
): SightlineError => new SightlineError("ERR_FRAME_INVALID", message, { hint });
