import type { BenchPicture } from "../bench-case.ts";

/** The same box means, with what depends on sizes alone in tables: made once for a camera. */
export function letterboxOf(picture: BenchPicture): (tensor: Float32Array) => void {
  const putRow = picture.format === "rgb24" ? rgbRows(picture) : nv12Rows(picture);
  const { place, side } = picture;
  const plane = side * side;
  return (tensor) => {
    padAround(tensor, picture);
    for (let y = 0; y < place.height; y++) putRow(y, tensor, (y + place.top) * side + place.left, plane);
  };
}

function padAround(tensor: Float32Array, { pad, place, side }: BenchPicture): void {
  const value = pad * UNIT;
  const end = place.top + place.height;
  for (let from = 0; from < tensor.length; from += side * side) {
    tensor.fill(value, from, from + place.top * side);
    tensor.fill(value, from + end * side, from + side * side);
    if (place.width === side) continue;
    for (let at = from + place.top * side; at < from + end * side; at += side) {
      tensor.fill(value, at, at + place.left);
      tensor.fill(value, at + place.left + place.width, at + side);
    }
  }
}

/** Puts row `y` of the place into three planes from `at` on. */
type PutRow = (y: number, tensor: Float32Array, at: number, plane: number) => void;

const UNIT = 1 / 255;

function rgbRows({ height, pixels, place, width }: BenchPicture): PutRow {
  const [columns, rows] = [partsOf(width, place.width), partsOf(height, place.height)];
  return (y, tensor, at, plane) => {
    const [y0, y1] = [rows[2 * y] as number, rows[2 * y + 1] as number];
    for (let x = 0; x < place.width; x++) {
      const [x0, x1] = [(columns[2 * x] as number) * 3, (columns[2 * x + 1] as number) * 3];
      let [r, g, b] = [0, 0, 0];
      for (let v = y0; v < y1; v++) {
        const row = v * width * 3;
        for (let i = row + x0; i < row + x1; i += 3) {
          r += pixels[i] as number;
          g += pixels[i + 1] as number;
          b += pixels[i + 2] as number;
        }
      }
      const factor = (3 * UNIT) / ((x1 - x0) * (y1 - y0));
      tensor[at + x] = r * factor;
      tensor[at + plane + x] = g * factor;
      tensor[at + 2 * plane + x] = b * factor;
    }
  };
}

/** Means of luma and chroma first, so that only what is left becomes R, G and B: BT.601, limited range. */
function nv12Rows({ height, pixels, place, width }: BenchPicture): PutRow {
  const [columns, rows] = [partsOf(width, place.width), partsOf(height, place.height)];
  const [pairs, pairRows] = [partsOf(width / 2, place.width), partsOf(height / 2, place.height)];
  return (y, tensor, at, plane) => {
    const [y0, y1] = [rows[2 * y] as number, rows[2 * y + 1] as number];
    const [c0, c1] = [pairRows[2 * y] as number, pairRows[2 * y + 1] as number];
    for (let x = 0; x < place.width; x++) {
      const x0 = columns[2 * x] as number;
      const x1 = columns[2 * x + 1] as number;
      let luma = 0;
      for (let v = y0; v < y1; v++) {
        for (let i = v * width + x0; i < v * width + x1; i++) luma += pixels[i] as number;
      }
      const u0 = 2 * (pairs[2 * x] as number);
      const u1 = 2 * (pairs[2 * x + 1] as number);
      let cb = 0;
      let cr = 0;
      for (let v = height + c0; v < height + c1; v++) {
        for (let i = v * width + u0; i < v * width + u1; i += 2) {
          cb += pixels[i] as number;
          cr += pixels[i + 1] as number;
        }
      }
      const share = (2 * UNIT) / ((u1 - u0) * (c1 - c0));
      const white = 1.164 * UNIT * (luma / ((x1 - x0) * (y1 - y0)) - 16);
      const blue = cb * share - 128 * UNIT;
      const red = cr * share - 128 * UNIT;
      tensor[at + x] = clamp(white + 1.596 * red);
      tensor[at + plane + x] = clamp(white - 0.392 * blue - 0.813 * red);
      tensor[at + 2 * plane + x] = clamp(white + 2.017 * blue);
    }
  };
}

const clamp = (v: number): number => (v < 0 ? 0 : v > 1 ? 1 : v);

/** Of each output, the first sample and the one behind the last. */
function partsOf(samples: number, outputs: number): Int32Array {
  const parts = new Int32Array(2 * outputs);
  for (let i = 0; i < outputs; i++) {
    const first = Math.floor((i * samples) / outputs);
    parts[2 * i] = first;
    parts[2 * i + 1] = Math.max(first + 1, Math.floor(((i + 1) * samples) / outputs));
  }
  return parts;
}
