import type { Luma } from "../layout.ts";
import { type CheckOptions, PICTURE_FAULTS, type PictureFault } from "./protocol.ts";

/** Points looked at across and down: enough to know a picture by, few enough to cost some microseconds. */
const COLUMNS = 48;
const ROWS = 32;
/** Samples of limited range lie between 16 and 235. */
const BLACK_MAX = 24;
const WHITE_MIN = 235;
const SHARE_MIN = 0.98;
/** Of encoded stills, which can only be compared. */
const STILL_SAMPLES = 512;

interface Look {
  hash: number;
  found: Record<Exclude<PictureFault, "frozen">, boolean>;
}

/** Notices pictures that a camera in order does not deliver, by a sample of their points. */
export class PictureCheck {
  readonly #options: CheckOptions;
  readonly #inARow = new Map<PictureFault, number>();
  #hash: number | undefined;

  constructor(options: CheckOptions) {
    this.#options = options;
  }

  restart(): void {
    this.#hash = undefined;
    this.#inARow.clear();
  }

  /** The faults that have lasted long enough. Of stills (no `luma`) only frozen ones are seen. */
  look(bytes: Uint8Array, luma: Luma | undefined): PictureFault[] {
    const { hash, found } = luma ? lookAtPixels(bytes, luma, this.#options) : lookAtBytes(bytes);
    const now = { ...found, frozen: hash === this.#hash };
    this.#hash = hash;
    return PICTURE_FAULTS.filter((fault) => {
      const frames = now[fault] ? (this.#inARow.get(fault) ?? 0) + 1 : 0;
      this.#inARow.set(fault, frames);
      return frames >= this.#options.frames;
    });
  }
}

function lookAtPixels(bytes: Uint8Array, luma: Luma, { sharpnessMin }: CheckOptions): Look {
  const { height, offset, step, stride, width } = luma;
  let [hash, black, white, points, sum, squares] = [0x811c9dc5, 0, 0, 0, 0, 0];
  for (let row = 0; row < ROWS; row++) {
    const y = 1 + Math.floor((row * (height - 2)) / ROWS);
    for (let column = 0; column < COLUMNS; column++) {
      const x = 1 + Math.floor((column * (width - 2)) / COLUMNS);
      const at = offset + y * stride + x * step;
      const value = bytes[at] ?? 0;
      const laplacian =
        4 * value -
        ((bytes[at - step] ?? 0) +
          (bytes[at + step] ?? 0) +
          (bytes[at - stride] ?? 0) +
          (bytes[at + stride] ?? 0));
      hash = Math.imul(hash ^ value, 0x01000193);
      if (value <= BLACK_MAX) black++;
      if (value >= WHITE_MIN) white++;
      sum += laplacian;
      squares += laplacian * laplacian;
      points++;
    }
  }
  const sharpness = squares / points - (sum / points) ** 2;
  return {
    hash,
    found: {
      black: black >= points * SHARE_MIN,
      "blown-out": white >= points * SHARE_MIN,
      blurred: sharpnessMin !== undefined && sharpness < sharpnessMin,
    },
  };
}

function lookAtBytes(bytes: Uint8Array): Look {
  const step = Math.max(1, Math.floor(bytes.length / STILL_SAMPLES));
  let hash = 0x811c9dc5 ^ bytes.length;
  for (let at = 0; at < bytes.length; at += step) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return { hash, found: { black: false, "blown-out": false, blurred: false } };
}
