import { type BlockFormat, type Blocks, blockCode, emptyBlocks, fitBlock, type Rows } from "./blocks.ts";
import { type Hessian, inverseFactor } from "./hessian.ts";

/** As the paper's: 1 % of the mean diagonal. */
const DAMPING = 0.01;
/** Columns whose errors reach the later ones together: few enough for the factor's rows to stay in the cache. */
const BATCH = 128;

/**
 * Quantizes column after column, and changes the columns not yet quantized so that they make up for each error on
 * the calibration inputs (GPTQ: Frantar et al. 2022, arXiv 2210.17323, without its reordering). Each block's scale is
 * set when its first column is reached, from the weights as changed by then. `hessian` is of the same K. Errors:
 * ERR_QUANTIZE_RANGE as `inverseFactor`.
 */
export function gptq({ values, n, k }: Rows, hessian: Hessian, format: BlockFormat): Blocks {
  const factor = inverseFactor(hessian, DAMPING);
  const blocks = emptyBlocks(n, k, format);
  const weights = Float64Array.from(values);
  // Whole blocks, so that every change reaches a block before its scale is set.
  const batch = Math.ceil(BATCH / format.blockSize) * format.blockSize;
  for (let from = 0; from < k; from += batch) {
    for (let row = 0; row < n; row++) {
      quantizeBatch(
        blocks,
        row,
        weights.subarray(row * k, (row + 1) * k),
        factor,
        from,
        Math.min(from + batch, k),
      );
    }
  }
  return blocks;
}

/** Columns from…to of one row; `weights` is that row. */
function quantizeBatch(
  blocks: Blocks,
  row: number,
  weights: Float64Array,
  factor: Float64Array,
  from: number,
  to: number,
): void {
  const errors = new Float64Array(to - from);
  for (let column = from; column < to; column++) {
    const at = column * blocks.k;
    const error = quantizeColumn(blocks, row, column, weights) / (factor[at + column] as number);
    errors[column - from] = error;
    spread(weights, error, factor.subarray(at, at + to), column + 1);
  }
  for (let column = from; column < to; column++) {
    const at = column * blocks.k;
    spread(weights, errors[column - from] as number, factor.subarray(at, at + blocks.k), to);
  }
}

/** Sets the column's code; the answer is by how much the weight was larger than what the code stands for. */
function quantizeColumn(blocks: Blocks, row: number, column: number, weights: Float64Array): number {
  const { k, blockSize } = blocks;
  const at = row * Math.ceil(k / blockSize) + Math.floor(column / blockSize);
  if (column % blockSize === 0) {
    fitBlock(blocks, at, Float32Array.from(weights.subarray(column, Math.min(column + blockSize, k))));
  }
  const value = weights[column] as number;
  const code = blockCode(blocks, at, value);
  blocks.codes[row * k + column] = code;
  return value - (code - (blocks.zeroPoints[at] as number)) * (blocks.scales[at] as number);
}

/** Takes `error` times the factor's row from the weights at `from` and later, as far as the row goes. */
function spread(weights: Float64Array, error: number, factorRow: Float64Array, from: number): void {
  for (let j = from; j < factorRow.length; j++) {
    weights[j] = (weights[j] as number) - error * (factorRow[j] as number);
  }
}
