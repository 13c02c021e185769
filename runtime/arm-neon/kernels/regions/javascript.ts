import type { Regions, RegionsOptions } from "../../kernels.ts";

interface Region {
  classId: number;
  area: number;
  box: [left: number, top: number, right: number, bottom: number];
  peak: number;
  sum: [x: number, y: number];
}

const STEPS = {
  4: [
    [0, -1],
    [-1, 0],
    [1, 0],
    [0, 1],
  ],
  8: [-1, 0, 1].flatMap((y) => [-1, 0, 1].map((x) => [x, y])),
};

/** By flooding each region from its first pixel. */
export function regions(image: Float32Array | Uint8Array, options: RegionsOptions): Regions {
  const classes = new Uint8Array(image.length);
  for (let i = 0; i < image.length; i++) classes[i] = classOf(image[i] as number, options.threshold);
  const isSeen = new Uint8Array(image.length);
  const found: Region[] = [];
  for (let i = 0; i < image.length; i++) {
    if (classes[i] !== 0 && isSeen[i] === 0) found.push(flood({ image, classes, isSeen }, i, options));
  }
  found.sort((a, b) => b.area - a.area).splice(options.limit);
  return inColumns(found);
}

const classOf = (value: number, threshold: number | undefined): number =>
  threshold === undefined ? value : value >= threshold ? 1 : 0;

interface Flood {
  image: Float32Array | Uint8Array;
  classes: Uint8Array;
  isSeen: Uint8Array;
}

function flood({ classes, image, isSeen }: Flood, first: number, options: RegionsOptions): Region {
  const { connectivity, height, width } = options;
  const classId = classes[first] as number;
  const region: Region = { classId, area: 0, box: [width, height, 0, 0], peak: -Infinity, sum: [0, 0] };
  const waiting = [first];
  isSeen[first] = 1;
  for (let i = waiting.pop(); i !== undefined; i = waiting.pop()) {
    const [x, y] = [i % width, Math.floor(i / width)];
    add(region, x, y, image[i] as number);
    for (const [dx = 0, dy = 0] of STEPS[connectivity]) {
      const next = (y + dy) * width + x + dx;
      const isInside = x + dx >= 0 && x + dx < width && y + dy >= 0 && y + dy < height;
      if (!isInside || isSeen[next] === 1 || classes[next] !== classId) continue;
      isSeen[next] = 1;
      waiting.push(next);
    }
  }
  return region;
}

function add(region: Region, x: number, y: number, value: number): void {
  const [left, top, right, bottom] = region.box;
  region.area++;
  region.box = [Math.min(left, x), Math.min(top, y), Math.max(right, x + 1), Math.max(bottom, y + 1)];
  region.peak = Math.max(region.peak, value);
  region.sum = [region.sum[0] + x, region.sum[1] + y];
}

const inColumns = (found: readonly Region[]): Regions => ({
  classIds: Uint8Array.from(found, (r) => r.classId),
  areas: Uint32Array.from(found, (r) => r.area),
  boxes: Uint32Array.from(found.flatMap((r) => r.box)),
  peaks: Float32Array.from(found, (r) => r.peak),
  centroids: Float64Array.from(found.flatMap((r) => r.sum.map((sum) => sum / r.area + 0.5))),
});
