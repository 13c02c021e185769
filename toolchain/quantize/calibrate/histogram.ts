import { deflateRawSync, inflateRawSync } from "node:zlib";
import * as z from "zod";
import { SightlineError } from "../../../runtime/base/errors.ts";
import type { Binned } from "./binned.ts";
import { binInto, scan } from "./loops.ts";

/** Eight for each code of 8 bits: fine enough to choose a range, few enough to keep for every tensor. */
export const BINS = 2048;

/**
 * The distribution of one tensor's values over all calibration images, in constant memory: no values are kept. A
 * value outside the range doubles it as often as needed, and neighbouring bins merge; so 1024 to 2048 bins cover
 * the values unless most of them are tiny against the largest.
 */
export class Histogram implements Binned {
  readonly name: string;
  counts = new Float64Array(BINS);
  limit = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  images = 0;
  /** Means over the images of each one's smallest and largest value: a range that one odd picture cannot spoil. */
  meanMin = 0;
  meanMax = 0;

  constructor(name: string) {
    this.name = name;
  }

  /**
   * Adds the tensor's values for one image; no values at all are nothing. Errors: ERR_QUANTIZE_RANGE (NaN or
   * infinity among them; the histogram is as before).
   */
  add(values: Float32Array): void {
    if (values.length === 0) return;
    const { min, max, allFinite } = scan(values);
    if (!allFinite)
      throw new SightlineError("ERR_QUANTIZE_RANGE", `tensor ${this.name} contains NaN or infinity`);
    this.#widen(Math.max(-min, max));
    binInto(this.counts, values, this.limit);
    this.images++;
    this.meanMin += (min - this.meanMin) / this.images;
    this.meanMax += (max - this.meanMax) / this.images;
    this.min = Math.min(this.min, min);
    this.max = Math.max(this.max, max);
  }

  /** Errors: ERR_QUANTIZE_RANGE (nothing was added). */
  assertSeen(): void {
    if (this.images > 0) return;
    throw new SightlineError("ERR_QUANTIZE_RANGE", `tensor ${this.name} has no values in any image`);
  }

  #widen(absMax: number): void {
    if (absMax <= this.limit) return;
    if (this.limit === 0) this.limit = absMax;
    while (this.limit < absMax) {
      this.limit *= 2;
      this.counts = halved(this.counts);
    }
  }

  /** Errors: ERR_QUANTIZE_RANGE (nothing was added: there is no range to write). */
  toJson(): HistogramJson {
    this.assertSeen();
    const { name, limit, min, max, images, counts } = this;
    const bytes = deflateRawSync(new Uint8Array(counts.buffer));
    return {
      ...{ name, limit, min, max, images, mean_min: this.meanMin, mean_max: this.meanMax },
      counts: bytes.toString("base64"),
    };
  }

  /** Errors: ERR_CALIBRATION_FILE (counts that are not `BINS` whole numbers). */
  static fromJson(json: HistogramJson): Histogram {
    const histogram = new Histogram(json.name);
    const { limit, min, max, images, mean_min: meanMin, mean_max: meanMax } = json;
    return Object.assign(histogram, { limit, min, max, images, meanMin, meanMax, counts: unpacked(json) });
  }
}

/** `counts`: the bins as little-endian float64, deflated (RFC 1951), in base64. */
export const histogramJson = z
  .strictObject({
    name: z.string().min(1),
    limit: z.number().min(0),
    min: z.number(),
    max: z.number(),
    images: z.int().min(1),
    mean_min: z.number(),
    mean_max: z.number(),
    counts: z.string(),
  })
  .refine(
    ({ limit, min, max }) => min <= max && -limit <= min && max <= limit,
    "min, max and limit disagree",
  );
export type HistogramJson = z.infer<typeof histogramJson>;

/** Two neighbours each become one in the middle half. */
function halved(counts: Float64Array): Float64Array<ArrayBuffer> {
  const merged = new Float64Array(BINS);
  for (let i = 0; i < BINS; i++) {
    const into = BINS / 4 + (i >> 1);
    merged[into] = (merged[into] ?? 0) + (counts[i] ?? 0);
  }
  return merged;
}

function unpacked({ name, counts: text }: HistogramJson): Float64Array<ArrayBuffer> {
  const counts = new Float64Array(BINS);
  try {
    const bytes = inflateRawSync(Buffer.from(text, "base64"), { maxOutputLength: counts.byteLength });
    if (bytes.length !== counts.byteLength) throw new RangeError(`${bytes.length} bytes`);
    new Uint8Array(counts.buffer).set(bytes);
  } catch (error) {
    throw SightlineError.wrap("ERR_CALIBRATION_FILE", error, `tensor ${name}: counts`);
  }
  if (counts.every((count) => Number.isSafeInteger(count) && count >= 0)) return counts;
  throw new SightlineError("ERR_CALIBRATION_FILE", `tensor ${name}: its counts are not whole numbers`);
}
