import type { FramePlace } from "./frame-place.ts";
import type { Pipe } from "./pipe.ts";

interface Part {
  bytes: number;
  isStill: boolean;
}

const HEADER_BYTES_MAX = 1024;
/** A header is about 70 bytes; what is read beyond it must be copied once more. */
const HEADER_READ_BYTES = 128;
const SEARCH_READ_BYTES = 64 * 1024;
const LINE_END = Buffer.from("\r\n");
const BLANK_LINE = Buffer.from("\r\n\r\n");

/**
 * Frames as `multipartmux` writes them: a delimiter, a header with the length, the payload, a line end. A frame
 * counts only when the line end stands where it should; otherwise reading goes on at the next delimiter.
 *
 * A `boundary` is our own, which only GStreamer knows: it writes a frame as a whole or ends. Of others, whose boundary
 * is learnt, each frame is also searched for the start of another one, at some tenths of a millisecond a megapixel.
 */
export function readMultipart(pipe: Pipe, place: FramePlace, boundary: string | undefined): never {
  const delimiter = Buffer.from(boundary === undefined ? learnDelimiter(pipe, place) : `--${boundary}`);
  for (;;) {
    const part = nextPart(pipe, place, delimiter);
    const target = place.space(part.bytes, part);
    pipe.readAll(target, 0, part.bytes);
    const isWhole = endsWell(pipe) && (boundary !== undefined || !contains(target, part.bytes, delimiter));
    if (isWhole) place.frame(part.bytes, part);
    else place.torn();
  }
}

function nextPart(pipe: Pipe, place: FramePlace, delimiter: Buffer): Part {
  for (;;) {
    while (pipe.ahead.length < delimiter.length) pipe.more(HEADER_READ_BYTES);
    if (!startsWith(pipe.ahead, delimiter)) {
      place.torn();
      searchFor(pipe, delimiter);
    }
    place.begin();
    const part = readHeader(pipe, place);
    if (part) return part;
    place.torn();
    pipe.skip(delimiter.length);
  }
}

/** Undefined, and nothing is used up, when what stands there is no header. */
function readHeader(pipe: Pipe, place: FramePlace): Part | undefined {
  for (;;) {
    const end = pipe.ahead.indexOf(BLANK_LINE);
    if (end >= 0 && end <= HEADER_BYTES_MAX) {
      const part = parseHeader(pipe.ahead.toString("latin1", 0, end));
      if (!part || !place.takes(part.bytes)) return undefined;
      pipe.skip(end + BLANK_LINE.length);
      return part;
    }
    if (pipe.ahead.length > HEADER_BYTES_MAX) return undefined;
    pipe.more(HEADER_READ_BYTES);
  }
}

function parseHeader(text: string): Part | undefined {
  const bytes = /^content-length:\s*(\d{1,10})\s*$/im.exec(text)?.[1];
  if (bytes === undefined) return undefined;
  return { bytes: Number(bytes), isStill: /^content-type:\s*image\//im.test(text) };
}

function endsWell(pipe: Pipe): boolean {
  while (pipe.ahead.length < LINE_END.length) pipe.more(LINE_END.length - pipe.ahead.length);
  if (!startsWith(pipe.ahead, LINE_END)) return false;
  pipe.skip(LINE_END.length);
  return true;
}

/** A frame with the start of another one in it is half of one and half of the other, however well it ends. */
function contains(target: Uint8Array, bytes: number, delimiter: Buffer): boolean {
  return Buffer.from(target.buffer, target.byteOffset, bytes).includes(delimiter);
}

function searchFor(pipe: Pipe, delimiter: Buffer): void {
  for (;;) {
    const found = pipe.ahead.indexOf(delimiter);
    pipe.skip(found >= 0 ? found : pipe.ahead.length - delimiter.length + 1);
    if (found >= 0) return;
    pipe.more(SEARCH_READ_BYTES);
  }
}

/** The first line that begins with two dashes; a stream from the middle of a frame has to wait for it. */
function learnDelimiter(pipe: Pipe, place: FramePlace): string {
  for (;;) {
    const text = pipe.ahead.toString("latin1");
    const match = /(?:^|\n)(--[\x21-\x7e]{1,70})\r\n(?=content-)/i.exec(text);
    if (match?.[1]) {
      pipe.skip(text.indexOf(match[1], match.index));
      return match[1];
    }
    if (text.length > SEARCH_READ_BYTES / 2) {
      place.torn();
      pipe.skip(text.length - HEADER_BYTES_MAX);
    }
    pipe.more(HEADER_BYTES_MAX);
  }
}

const startsWith = (bytes: Buffer, start: Buffer): boolean => bytes.subarray(0, start.length).equals(start);
