import type { FramePlace } from "./frame-place.ts";
import { JpegScanner } from "./jpeg-scanner.ts";
import type { Pipe } from "./pipe.ts";

const STILL = { isStill: true };
const FIRST_BYTES = 256 * 1024;
/** Some cameras fill up to a round length behind each picture. */
const PADDING = new Set([0x00, 0xff, 0x0a, 0x0d]);

/** One JPEG behind the other, split where each ends by its own structure. */
export function readMjpeg(pipe: Pipe, place: FramePlace): never {
  let target = place.space(FIRST_BYTES, STILL);
  let scanner = new JpegScanner();
  let have = 0;
  for (;;) {
    const came = pipe.readSome(target, have, target.length - have);
    if (have === 0) place.begin();
    have += came;
    for (;;) {
      if (!scanner.hasBegun)
        have = moveToFront(target, startOfPicture(target.subarray(0, have), place), have);
      const scanned = scanner.scan(target.subarray(0, have));
      if (scanned.kind === "more") break;
      const isWhole = scanned.kind === "whole";
      const rest = target.subarray(isWhole ? scanned.bytes : scanned.at, have);
      if (isWhole) place.frame(scanned.bytes, STILL);
      else place.torn();
      // The block handed over is still as it was: nobody else writes into it.
      target = place.space(Math.max(FIRST_BYTES, rest.length), STILL);
      target.set(rest);
      have = rest.length;
      place.begin();
      scanner = new JpegScanner();
    }
    if (have < target.length) continue;
    const larger = place.grow(have);
    if (!larger) {
      place.torn();
      [have, scanner] = [0, new JpegScanner()];
    }
    target = larger ?? target;
  }
}

function moveToFront(bytes: Uint8Array, start: number, end: number): number {
  if (start > 0) bytes.copyWithin(0, start, end);
  return end - start;
}

/** Where the next picture may begin in `bytes`; what else stands before it was a frame. */
function startOfPicture(bytes: Uint8Array, place: FramePlace): number {
  let at = bytes.indexOf(0xff);
  while (at >= 0 && at + 1 < bytes.length && bytes[at + 1] !== 0xd8) at = bytes.indexOf(0xff, at + 1);
  const start = at < 0 ? bytes.length : at;
  if (bytes.subarray(0, start).some((byte) => !PADDING.has(byte))) place.torn();
  return start;
}
