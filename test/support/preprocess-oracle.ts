import type { PixelFormat, PreprocessOptions } from "../../runtime/native/index.ts";

/** What `preprocess` promises, straight from its definition, in double precision and without regard to speed. */
export function preprocessOracle(pixels: Uint8Array, options: PreprocessOptions): Float64Array {
  const { crop, source, target } = options;
  const { place } = target;
  const channels = target.color === "gray" ? 1 : 3;
  const out = new Float64Array(target.width * target.height * channels);
  const planes = samplePlanes(pixels, source).map((plane) => resize(plane, crop, place));
  for (let y = 0; y < target.height; y++) {
    for (let x = 0; x < target.width; x++) {
      const [px, py] = [x - place.left, y - place.top];
      const isInside = px >= 0 && py >= 0 && px < place.width && py < place.height;
      const values = planes.map((plane) => plane[py * place.width + px] ?? 0);
      const rgb = isInside ? toRgb(values, source) : [target.pad, target.pad, target.pad];
      colour(rgb, target.color, isInside).forEach((value, c) => {
        const at =
          target.layout === "NCHW"
            ? (c * target.height + y) * target.width + x
            : (y * target.width + x) * channels + c;
        out[at] = value * (target.scale[c] ?? 0) + (target.offset[c] ?? 0);
      });
    }
  }
  return out;
}

/** As the tensor stores it. */
export function quantized(value: number, low: number, high: number): number {
  const floor = Math.floor(value);
  const up = value - floor > 0.5 || (value - floor === 0.5 && floor % 2 !== 0);
  return Math.min(high, Math.max(low, up ? floor + 1 : floor));
}

interface SamplePlane {
  width: number;
  height: number;
  /** Pixels of the image that a sample stands for, each way. */
  across: number;
  down: number;
  at(x: number, y: number): number;
}

/** Where each kind of sample lies: plane, bytes from one to the next, first, pixels across and down. */
const PLACES: Record<PixelFormat, [number, number, number, number, number][]> = {
  gray8: [[0, 1, 0, 1, 1]],
  rgb24: [0, 1, 2].map((c) => [0, 3, c, 1, 1]),
  bgr24: [2, 1, 0].map((c) => [0, 3, c, 1, 1]),
  yuyv: [
    [0, 2, 0, 1, 1],
    [0, 4, 1, 2, 1],
    [0, 4, 3, 2, 1],
  ],
  nv12: [
    [0, 1, 0, 1, 1],
    [1, 2, 0, 2, 2],
    [1, 2, 1, 2, 2],
  ],
  i420: [
    [0, 1, 0, 1, 1],
    [1, 1, 0, 2, 2],
    [2, 1, 0, 2, 2],
  ],
};

function samplePlanes(pixels: Uint8Array, source: PreprocessOptions["source"]): SamplePlane[] {
  return PLACES[source.format].map(([plane, step, first, across, down]) => {
    const { offset, stride } = source.planes[plane] ?? { offset: Number.NaN, stride: Number.NaN };
    return {
      width: Math.ceil(source.width / across),
      height: Math.ceil(source.height / down),
      across,
      down,
      at: (x, y) => pixels[offset + y * stride + x * step + first] ?? Number.NaN,
    };
  });
}

function resize(
  plane: SamplePlane,
  crop: PreprocessOptions["crop"],
  place: PreprocessOptions["crop"],
): number[] {
  const { across, down } = plane;
  const xs = weights(crop.left / across, crop.width / across, plane.width, place.width);
  const ys = weights(crop.top / down, crop.height / down, plane.height, place.height);
  return ys.flatMap((rows) =>
    xs.map((columns) => {
      let sum = 0;
      for (const [y, wy] of rows) for (const [x, wx] of columns) sum += plane.at(x, y) * wx * wy;
      return sum;
    }),
  );
}

/** The samples of each output along one axis, with their weights. */
function weights(start: number, extent: number, size: number, outputs: number): [number, number][][] {
  const step = extent / outputs;
  return Array.from({ length: outputs }, (_, i) =>
    step >= 1 ? covered(start + i * step, step, size) : between(start, extent, i, step, size),
  );
}

function covered(from: number, step: number, size: number): [number, number][] {
  const found: [number, number][] = [];
  for (let k = Math.floor(from); k < Math.min(size, from + step); k++) {
    const share = Math.min(k + 1, from + step) - Math.max(k, from);
    if (share > 1e-9) found.push([k, share]);
  }
  const sum = found.reduce((total, [, share]) => total + share, 0);
  return found.map(([k, share]) => [k, share / sum]);
}

function between(start: number, extent: number, i: number, step: number, size: number): [number, number][] {
  const [low, high] = [Math.floor(start), Math.min(Math.ceil(start + extent), size) - 1];
  const centre = Math.min(Math.max(start + (i + 0.5) * step - 0.5, low), high);
  const first = Math.floor(centre);
  const second = Math.min(first + 1, high);
  return [
    [first, 1 - (centre - first)],
    [second, centre - first],
  ];
}

/** ITU-R BT.601 and BT.709. */
function toRgb(values: number[], source: PreprocessOptions["source"]): number[] {
  const [y = 0, cb = 0, cr = 0] = values;
  if (values.length === 1) return [y, y, y];
  if (source.format === "rgb24" || source.format === "bgr24") return values;
  const [kr, kb] = source.matrix === "bt709" ? [0.2126, 0.0722] : [0.299, 0.114];
  const isLimited = source.range === "limited";
  const luma = isLimited ? ((y - 16) * 255) / 219 : y;
  const [pb, pr] = [cb - 128, cr - 128].map((c) => (isLimited ? (c * 255) / 224 : c)) as [number, number];
  const red = luma + 2 * (1 - kr) * pr;
  const blue = luma + 2 * (1 - kb) * pb;
  const green = (luma - kr * red - kb * blue) / (1 - kr - kb);
  // Luma goes along for those who want grey.
  return [...[red, green, blue].map(cut), cut(luma)];
}

function colour(rgb: readonly number[], color: "gray" | "rgb" | "bgr", isInside: boolean): number[] {
  const [r = 0, g = 0, b = 0, luma] = rgb;
  if (color === "rgb") return [r, g, b];
  if (color === "bgr") return [b, g, r];
  return [luma ?? (isInside ? 0.299 * r + 0.587 * g + 0.114 * b : r)];
}

const cut = (value: number): number => Math.min(255, Math.max(0, value));
