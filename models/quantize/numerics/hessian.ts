import { SightlineError } from "../../../runtime/base/errors.ts";

/**
 * XᵀX of a layer's inputs, summed over all calibration images: how much an error in one weight costs, and how other
 * weights can make up for it. K·K numbers, whatever the number of images.
 */
export class Hessian {
  readonly k: number;
  /** Row-major [K][K], only the part on and right of the diagonal. */
  readonly sums: Float64Array;
  rows = 0;

  constructor(k: number) {
    this.k = k;
    this.sums = new Float64Array(k * k);
  }

  /** Adds inputs [rows][K]. Errors: ERR_QUANTIZE_RANGE (NaN or infinity among them; nothing is added). */
  add(inputs: Float32Array): void {
    if (!inputs.every(Number.isFinite))
      throw new SightlineError("ERR_QUANTIZE_RANGE", "a layer's inputs have NaN or infinity");
    const { k, sums } = this;
    for (let from = 0; from < inputs.length; from += k) {
      for (let i = 0; i < k; i++) {
        const value = inputs[from + i] ?? 0;
        // Inputs after a ReLU are 0 half of the time.
        if (value !== 0) addScaled(sums.subarray(i * k, (i + 1) * k), inputs, from, value, i);
      }
    }
    this.rows += inputs.length / k;
  }
}

/** row[j] += value · inputs[from + j] for j from i on. */
function addScaled(row: Float64Array, inputs: Float32Array, from: number, value: number, i: number): void {
  for (let j = i; j < row.length; j++) row[j] = (row[j] as number) + value * (inputs[from + j] as number);
}

/**
 * Upper factor U with UᵀU = (H + damping · mean diagonal · I)⁻¹, row-major [K][K]: what GPTQ spreads errors with.
 * Inputs that were always 0 count as 1, so that the matrix can be inverted. Errors: ERR_QUANTIZE_RANGE (not positive
 * definite even so: inputs so large that float64 cannot hold their products).
 *
 * With J the reversal of order and J·H·J = L·Lᵀ, H is V·Vᵀ for the upper V = J·L·J; so U = V⁻¹ = J·L⁻¹·J: one
 * factorization and one triangular inverse, where inverting first and factorizing then would take two and a product.
 */
export function inverseFactor(hessian: Hessian, damping: number): Float64Array {
  const { k } = hessian;
  return invertLower(cholesky(damped(hessian, damping).reverse(), k), k).reverse();
}

function damped({ k, sums }: Hessian, damping: number): Float64Array {
  const matrix = symmetric(sums, k);
  let trace = 0;
  for (let i = 0; i < k; i++) trace += matrix[i * k + i] ?? 0;
  const damp = (damping * trace) / k;
  for (let i = 0; i < k; i++) {
    const own = matrix[i * k + i] ?? 0;
    matrix[i * k + i] = own === 0 ? Math.max(damp, 1) : own + damp;
  }
  return matrix;
}

function symmetric(sums: Float64Array, k: number): Float64Array {
  const full = Float64Array.from(sums);
  for (let i = 0; i < k; i++) for (let j = 0; j < i; j++) full[i * k + j] = sums[j * k + i] ?? 0;
  return full;
}

/** Lower L with L·Lᵀ = matrix; zeros right of the diagonal. */
function cholesky(matrix: Float64Array, k: number): Float64Array {
  const lower = new Float64Array(k * k);
  for (let i = 0; i < k; i++) {
    for (let j = 0; j <= i; j++) {
      const left = (matrix[i * k + j] ?? 0) - dot(lower, i * k, j * k, j);
      if (i !== j) lower[i * k + j] = left / (lower[j * k + j] ?? 1);
      else if (left > 0) lower[i * k + i] = Math.sqrt(left);
      else
        throw new SightlineError("ERR_QUANTIZE_RANGE", "a layer's inputs give a matrix without an inverse");
    }
  }
  return lower;
}

function dot(values: Float64Array, a: number, b: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += (values[a + i] as number) * (values[b + i] as number);
  return sum;
}

/** Row by row: row i of L⁻¹ is (eᵢ − Σ_{j<i} L[i,j] · row j of L⁻¹) / L[i,i]. */
function invertLower(lower: Float64Array, k: number): Float64Array {
  const inverse = new Float64Array(k * k);
  for (let i = 0; i < k; i++) {
    for (let j = 0; j < i; j++) {
      const factor = lower[i * k + j] as number;
      for (let c = 0; c <= j; c++) {
        inverse[i * k + c] = (inverse[i * k + c] as number) - factor * (inverse[j * k + c] as number);
      }
    }
    const diagonal = lower[i * k + i] as number;
    for (let c = 0; c < i; c++) inverse[i * k + c] = (inverse[i * k + c] as number) / diagonal;
    inverse[i * k + i] = 1 / diagonal;
  }
  return inverse;
}
