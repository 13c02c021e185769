import sharp, { type Sharp } from "sharp";
import { SightlineError } from "../base/errors.ts";
import type { Picture, RawPicture } from "./frame.ts";

/** The one door to sharp: decoding compressed stills and writing evidence pictures. */
sharp.concurrency(1);
sharp.cache(false);

const SIDE_MIN = 8;
const SIDE_MAX = 16_384;
const PIXELS_MAX = 64 * 2 ** 20;

export interface StillSize {
  width: number;
  height: number;
}

export interface StillTarget extends StillSize {
  color: "gray" | "rgb" | "bgr";
  /** `letterbox` keeps the shape and pads at the right and bottom evenly; `stretch` does not. */
  resize: "letterbox" | "stretch";
  /** Grey level of the padding, 0 to 255. */
  padValue: number;
}

/**
 * Decodes a still into pixels of the target's size, off the event loop. `bgr` comes as RGB: the swap is left
 * to the pass that fills the tensor.
 * Errors: ERR_IMAGE_EMPTY, ERR_IMAGE_FORMAT, ERR_IMAGE_TRUNCATED, ERR_IMAGE_SIZE.
 */
export async function decodeStill(
  encoded: Uint8Array,
  target: StillTarget,
): Promise<{ pixels: RawPicture; source: StillSize }> {
  const { hasAlpha, image, size } = await open(encoded);
  if (size.width !== target.width || size.height !== target.height) {
    const fit = target.resize === "letterbox" ? "contain" : "fill";
    const { padValue: v } = target;
    image.resize(target.width, target.height, { fit, background: { r: v, g: v, b: v }, kernel: "linear" });
  }
  const format = target.color === "gray" ? "gray8" : "rgb24";
  return { pixels: packed(format, target, await rawBytes(image, format, hasAlpha)), source: size };
}

/** Decodes a still at its full size, gray where it is gray. Errors: as `decodeStill`. */
export async function decodePixels(encoded: Uint8Array): Promise<RawPicture> {
  const { hasAlpha, image, isGray, size } = await open(encoded);
  const format = isGray ? "gray8" : "rgb24";
  return packed(format, size, await rawBytes(image, format, hasAlpha));
}

async function rawBytes(image: Sharp, format: "gray8" | "rgb24", hasAlpha: boolean): Promise<Uint8Array> {
  if (hasAlpha) image.flatten({ background: "#000" });
  try {
    const colours = image.toColourspace(format === "gray8" ? "b-w" : "srgb");
    return await colours.raw({ depth: "uchar" }).toBuffer();
  } catch (error) {
    throw stillError(error, { isHeaderSound: true });
  }
}

const packed = (format: "gray8" | "rgb24", { width, height }: StillSize, bytes: Uint8Array): RawPicture => ({
  encoding: "raw",
  format,
  width,
  height,
  planes: [{ offset: 0, stride: width * (format === "gray8" ? 1 : 3) }],
  bytes,
});

/** A still whose header is sound, and what it says. */
async function open(bytes: Uint8Array) {
  const image = unopened(bytes);
  try {
    const { hasAlpha, height, space, width } = await image.metadata();
    const isGray = space === "b-w" || space === "grey16";
    return { image, hasAlpha, isGray, size: checkSize({ width, height }) };
  } catch (error) {
    throw stillError(error, { isHeaderSound: false });
  }
}

function unopened(bytes: Uint8Array): Sharp {
  if (bytes.byteLength === 0) throw new SightlineError("ERR_IMAGE_EMPTY", "0 bytes");
  // Sizes are checked by checkSize, with a message of our own.
  return sharp(bytes, { failOn: "truncated", limitInputPixels: false, sequentialRead: true });
}

function checkSize({ width, height }: StillSize): StillSize {
  const fits = Math.min(width, height) >= SIDE_MIN && Math.max(width, height) <= SIDE_MAX;
  if (fits && width * height <= PIXELS_MAX) return { width, height };
  throw new SightlineError("ERR_IMAGE_SIZE", `${width}×${height} pixels`);
}

/**
 * libvips reports by text alone; these are its words for damage (vips 8.18, foreign/*load.c). It keeps them in one
 * place for all threads, so that they may be gone ("Unknown error") when two pictures fail at once: behind a sound
 * header everything is damage that is not said to be something else.
 */
function stillError(error: unknown, { isHeaderSound }: { isHeaderSound: boolean }): SightlineError {
  const text = error instanceof Error ? error.message : String(error);
  const isUnknown = /unsupported image format|unable to decode|not a known/i.test(text);
  const saysDamage = /premature|truncat|corrupt|end of|read error|invalid|out of order|crc|bad /i.test(text);
  const isDamage = !isUnknown && (isHeaderSound || saysDamage);
  return SightlineError.wrap(isDamage ? "ERR_IMAGE_TRUNCATED" : "ERR_IMAGE_FORMAT", error);
}

export interface JpegOptions {
  /** 1 to 100. */
  quality: number;
  /** Shrinks the picture. */
  size?: StillSize;
  /** An SVG drawing of the size that comes out, laid over it. */
  drawing?: string;
}

/** Any still, or packed `rgb24` or `gray8` pixels, as JPEG, off the event loop. Errors: as `decodeStill`. */
export async function encodeJpeg(picture: Picture, { drawing, quality, size }: JpegOptions): Promise<Buffer> {
  try {
    const image = picture.encoding === "still" ? unopened(picture.bytes) : openPixels(picture);
    if (size) image.resize(size.width, size.height, { fit: "fill" });
    if (drawing) image.composite([{ input: Buffer.from(drawing), left: 0, top: 0 }]);
    return await image.toColourspace("srgb").jpeg({ quality }).toBuffer();
  } catch (error) {
    // Only pictures that could be judged are encoded.
    throw stillError(error, { isHeaderSound: true });
  }
}

function openPixels({ bytes, format, height, width }: RawPicture): Sharp {
  const channels = format === "gray8" ? 1 : 3;
  return sharp(bytes, { raw: { width, height, channels } });
}
