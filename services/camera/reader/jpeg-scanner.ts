export type Scanned =
  /** The picture is complete and this long. */
  | { kind: "whole"; bytes: number }
  /** It cannot be a picture; another one begins here at the earliest. */
  | { kind: "broken"; at: number }
  | { kind: "more" };

const MORE: Scanned = { kind: "more" };

/**
 * Finds the end of a JPEG that arrives in pieces, by its structure (ITU-T T.81, annex B): segments are skipped by
 * their lengths, so that the thumbnail in an Exif segment, which has an end marker of its own, ends nothing.
 */
export class JpegScanner {
  #at = 0;
  #inScan = false;

  /** False while the picture's first two bytes are not known. */
  get hasBegun(): boolean {
    return this.#at > 0;
  }

  /** `bytes` holds what has come of the picture so far, from its first byte on. */
  scan(bytes: Uint8Array): Scanned {
    if (this.#at === 0) {
      if (bytes.length < 2) return MORE;
      if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return { kind: "broken", at: 1 };
      this.#at = 2;
    }
    for (;;) {
      const step = this.#inScan ? this.#skipScan(bytes) : this.#skipSegment(bytes);
      if (step) return step;
    }
  }

  /** Coded data: a marker is FF and a byte that is neither stuffing (00), a restart (D0 to D7) nor a fill (FF). */
  #skipScan(bytes: Uint8Array): Scanned | undefined {
    const at = bytes.indexOf(0xff, this.#at);
    this.#at = at < 0 ? bytes.length : at;
    const next = bytes[this.#at + 1];
    if (at < 0 || next === undefined) return MORE;
    if (next === 0xff) this.#at += 1;
    else if (next === 0 || isRestart(next)) this.#at += 2;
    else this.#inScan = false;
    return undefined;
  }

  #skipSegment(bytes: Uint8Array): Scanned | undefined {
    const [first, marker] = [bytes[this.#at], bytes[this.#at + 1]];
    if (first === undefined || marker === undefined) return MORE;
    if (first !== 0xff || marker === 0xd8 || marker === 0) return { kind: "broken", at: this.#at };
    if (marker === 0xd9) return { kind: "whole", bytes: this.#at + 2 };
    if (marker === 0xff) this.#at += 1;
    else if (marker === 0x01 || isRestart(marker)) this.#at += 2;
    else return this.#skipLength(bytes, marker);
    return undefined;
  }

  #skipLength(bytes: Uint8Array, marker: number): Scanned | undefined {
    const [high, low] = [bytes[this.#at + 2], bytes[this.#at + 3]];
    if (high === undefined || low === undefined) return MORE;
    const length = high * 256 + low;
    if (length < 2) return { kind: "broken", at: this.#at + 2 };
    this.#at += 2 + length;
    this.#inScan = marker === 0xda;
    return undefined;
  }
}

const isRestart = (marker: number): boolean => marker >= 0xd0 && marker <= 0xd7;
