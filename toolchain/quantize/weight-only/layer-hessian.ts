import { type BlockFormat, type Blocks, emptyBlocks, quantizeBlocks, type Rows } from "../numerics/blocks.ts";
import { gptq } from "../numerics/gptq.ts";
import { Hessian } from "../numerics/hessian.ts";

/**
 * Inputs of a layer beyond which errors are not made up for: a factorization costs K³ operations and K² · 8 bytes, so
 * that a K of 4608 would take minutes and 170 MB. A multiple of every block size.
 */
export const SLICE_K = 1024;

/** XᵀX of a layer, in slices of at most `SLICE_K` neighbouring inputs. */
export class LayerHessian {
  readonly k: number;
  readonly #slices: Hessian[];

  constructor(k: number) {
    this.k = k;
    this.#slices = Array.from(
      { length: Math.ceil(k / SLICE_K) },
      (_, i) => new Hessian(Math.min(SLICE_K, k - i * SLICE_K)),
    );
  }

  static bytes(k: number): number {
    return Math.ceil(k / SLICE_K) * Math.min(k, SLICE_K) ** 2 * Float64Array.BYTES_PER_ELEMENT;
  }

  /** Adds inputs [rows][K]. Errors: ERR_QUANTIZE_RANGE (NaN or infinity among them). */
  add(rows: Float32Array): void {
    for (const [i, slice] of this.#slices.entries()) slice.add(columns(rows, this.k, i * SLICE_K, slice.k));
  }

  /** Round to nearest where no input was seen. Errors: ERR_QUANTIZE_RANGE. */
  quantize(rows: Rows, format: BlockFormat): Blocks {
    if (this.#slices.some((slice) => slice.rows === 0)) return quantizeBlocks(rows, format);
    const parts = this.#slices.map((slice, i) => {
      const values = columns(rows.values, rows.k, i * SLICE_K, slice.k);
      return gptq({ values, n: rows.n, k: slice.k }, slice, format);
    });
    return parts.length === 1 && parts[0] ? parts[0] : joined(parts, rows, format);
  }
}

function columns(values: Float32Array, k: number, from: number, count: number): Float32Array {
  if (count === k) return values;
  const part = new Float32Array((values.length / k) * count);
  for (let row = 0; row < values.length / k; row++) {
    part.set(values.subarray(row * k + from, row * k + from + count), row * count);
  }
  return part;
}

/** Slices begin where blocks do. */
function joined(parts: readonly Blocks[], { n, k }: Rows, format: BlockFormat): Blocks {
  const whole = emptyBlocks(n, k, format);
  const perRow = Math.ceil(k / format.blockSize);
  for (const [i, part] of parts.entries()) {
    const partPerRow = Math.ceil(part.k / format.blockSize);
    const from = (i * SLICE_K) / format.blockSize;
    for (let row = 0; row < n; row++) {
      const own = (list: Uint8Array, width: number) => list.subarray(row * width, (row + 1) * width);
      whole.codes.set(own(part.codes, part.k), row * k + i * SLICE_K);
      whole.zeroPoints.set(own(part.zeroPoints, partPerRow), row * perRow + from);
      whole.scales.set(part.scales.subarray(row * partPerRow, (row + 1) * partPerRow), row * perRow + from);
    }
  }
  return whole;
}
