import type { Regions, RegionsOptions } from "../../kernels.ts";

type Image = Float32Array | Uint8Array;

/** One region's columns, in the order of `Regions`. */
interface Region {
  classId: number;
  area: number;
  left: number;
  top: number;
  right: number;
  bottom: number;
  peak: number;
  sumX: number;
  sumY: number;
}

/** Floods each region from its first pixel, over typed arrays; a pixel that was met becomes background. */
export function regions(image: Image, options: RegionsOptions): Regions {
  const classes = classesOf(image, options.threshold);
  const waiting = new Int32Array(image.length);
  const found: Region[] = [];
  for (let i = 0; i < classes.length; i++) {
    if (classes[i] !== 0) found.push(flood(image, classes, waiting, i, options));
  }
  found.sort((a, b) => b.area - a.area).splice(options.limit);
  return {
    classIds: Uint8Array.from(found, (r) => r.classId),
    areas: Uint32Array.from(found, (r) => r.area),
    boxes: Uint32Array.from(found.flatMap((r) => [r.left, r.top, r.right, r.bottom])),
    peaks: Float32Array.from(found, (r) => r.peak),
    centroids: Float64Array.from(found.flatMap((r) => [r.sumX / r.area + 0.5, r.sumY / r.area + 0.5])),
  };
}

function classesOf(image: Image, threshold: number | undefined): Uint8Array {
  if (threshold === undefined) return Uint8Array.from(image);
  const classes = new Uint8Array(image.length);
  for (let i = 0; i < image.length; i++) if ((image[i] as number) >= threshold) classes[i] = 1;
  return classes;
}

function flood(
  image: Image,
  classes: Uint8Array,
  waiting: Int32Array,
  first: number,
  { connectivity, height, width }: RegionsOptions,
): Region {
  const classId = classes[first] as number;
  let [left, top, right, bottom, area, sumX, sumY, peak] = [width, height, 0, 0, 0, 0, 0, -Infinity];
  waiting[0] = first;
  classes[first] = 0;
  for (let count = 1; count > 0; ) {
    const i = waiting[--count] as number;
    const y = (i / width) | 0;
    const x = i - y * width;
    area++;
    sumX += x;
    sumY += y;
    if (x < left) left = x;
    if (x >= right) right = x + 1;
    if (y < top) top = y;
    if (y >= bottom) bottom = y + 1;
    if ((image[i] as number) > peak) peak = image[i] as number;
    const [x0, x1] = [x > 0 ? -1 : 0, x < width - 1 ? 1 : 0];
    const [y0, y1] = [y > 0 ? -1 : 0, y < height - 1 ? 1 : 0];
    for (let dy = y0; dy <= y1; dy++) {
      for (let dx = x0; dx <= x1; dx++) {
        const next = i + dy * width + dx;
        if (classes[next] !== classId || (connectivity === 4 && dx !== 0 && dy !== 0)) continue;
        classes[next] = 0;
        waiting[count++] = next;
      }
    }
  }
  return { classId, area, left, top, right, bottom, peak, sumX, sumY };
}
