/**
 * What changes in a tensor when a model is trained on: its codes move a little, all over the file, so that no piece
 * of it stays as it was and only differences compress. `diff4` to `diff32` say how wide a code is, in bits; `new`
 * takes nothing from the old file, `copy` all.
 */
export const METHODS = ["copy", "new", "diff4", "diff8", "diff16", "diff32"] as const;
export type Method = (typeof METHODS)[number];
export type DiffMethod = Exclude<Method, "copy" | "new">;

/** Differences are taken a piece at a time, which bounds memory; a multiple of all widths. */
export const CHUNK_BYTES = 2 ** 20;

/** The method for an ONNX type as a manifest writes it. */
export const methodOf = (dtype: string): DiffMethod => {
  if (/^u?int4$|^float4/.test(dtype)) return "diff4";
  if (/^(b?float16|u?int16)$/.test(dtype)) return "diff16";
  return /^(float|u?int32)$/.test(dtype) ? "diff32" : "diff8";
};

/** Whether a stretch of `bytes` is a whole number of codes. */
export const isWhole = (method: Method, bytes: number): boolean => bytes % widthOf(method) === 0;

/** `now` − `old`, both of the same length, in a form that compresses well. */
export function subtract(method: DiffMethod, now: Uint8Array, old: Uint8Array): Uint8Array {
  if (method === "diff8") return now.map((byte, i) => byte - (old[i] ?? 0));
  if (method === "diff4") return now.map((byte, i) => nibbles(byte, old[i] ?? 0, (a, b) => a - b));
  return subtractWords(now, old, widthOf(method));
}

/** The inverse: `subtract(method, now, old)` and `old` → `now`. */
export function add(method: DiffMethod, difference: Uint8Array, old: Uint8Array): Uint8Array {
  if (method === "diff8") return difference.map((byte, i) => byte + (old[i] ?? 0));
  if (method === "diff4") return difference.map((byte, i) => nibbles(byte, old[i] ?? 0, (a, b) => a + b));
  return addWords(difference, old, widthOf(method));
}

const widthOf = (method: Method): number => (method === "diff32" ? 4 : method === "diff16" ? 2 : 1);

const nibbles = (a: number, b: number, join: (a: number, b: number) => number): number =>
  (join(a & 15, b & 15) & 15) | ((join(a >> 4, b >> 4) & 15) << 4);

/**
 * Floats with one sign order as their bits do as integers, so the bits' difference is small when the floats' is. It
 * is written with its sign in the lowest bit (zigzag), all lowest bytes first: the high ones are nearly all zero.
 */
function subtractWords(now: Uint8Array, old: Uint8Array, width: number): Uint8Array {
  const count = now.length / width;
  const planes = new Uint8Array(now.length);
  for (let i = 0; i < count; i++) {
    const shift = 32 - 8 * width;
    const difference = ((wordAt(now, i, width) - wordAt(old, i, width)) << shift) >> shift;
    const zigzag = (difference << 1) ^ (difference >> 31);
    for (let byte = 0; byte < width; byte++) planes[byte * count + i] = zigzag >>> (8 * byte);
  }
  return planes;
}

function addWords(planes: Uint8Array, old: Uint8Array, width: number): Uint8Array {
  const count = planes.length / width;
  const now = new Uint8Array(planes.length);
  for (let i = 0; i < count; i++) {
    let zigzag = 0;
    for (let byte = 0; byte < width; byte++) zigzag |= (planes[byte * count + i] ?? 0) << (8 * byte);
    const word = wordAt(old, i, width) + ((zigzag >>> 1) ^ -(zigzag & 1));
    for (let byte = 0; byte < width; byte++) now[i * width + byte] = word >>> (8 * byte);
  }
  return now;
}

/** Little-endian, as ONNX has it whatever the machine. */
function wordAt(bytes: Uint8Array, i: number, width: number): number {
  let word = 0;
  for (let byte = 0; byte < width; byte++) word |= (bytes[i * width + byte] ?? 0) << (8 * byte);
  return word;
}
