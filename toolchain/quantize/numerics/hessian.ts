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
      throw new SightlineError("ERR_QUANTIZE_RANGE", "a layer's inputs contain NaN or infinity");
    const { k, sums } = this;
    for (let from = 0; from < inputs.length; from += STRIP * k) {
      // The last strip may be short: rows of 0 add nothing.
      const strip = new Float64Array(STRIP * k);
      strip.set(inputs.subarray(from, from + STRIP * k));
      for (let i = 0; i < k; i++) addStrip(sums.subarray(i * k, (i + 1) * k), strip, i);
    }
    this.rows += inputs.length / k;
  }
}

/** Rows that are added at once, so that each sum is read and written a quarter as often. */
const STRIP = 4;

/** row[j] += Σ strip[r, i] · strip[r, j] for j from i on. */
function addStrip(row: Float64Array, strip: Float64Array, i: number): void {
  const k = row.length;
  const a = strip[i] as number;
  const b = strip[k + i] as number;
  const c = strip[2 * k + i] as number;
  const d = strip[3 * k + i] as number;
  // Inputs after a ReLU are 0 half of the time.
  if (a === 0 && b === 0 && c === 0 && d === 0) return;
  for (let j = i; j < k; j++) {
    const ab = a * (strip[j] as number) + b * (strip[k + j] as number);
    const cd = c * (strip[2 * k + j] as number) + d * (strip[3 * k + j] as number);
    row[j] = (row[j] as number) + (ab + cd);
  }
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
        throw new SightlineError("ERR_QUANTIZE_RANGE", "the Hessian of a layer's inputs is not invertible");
    }
  }
  return lower;
}

/** Σ values[a + i] · values[b + i], in four strands so that no sum waits for the one before. */
function dot(values: Float64Array, a: number, b: number, length: number): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 3 < length; i += 4) {
    s0 += (values[a + i] as number) * (values[b + i] as number);
    s1 += (values[a + i + 1] as number) * (values[b + i + 1] as number);
    s2 += (values[a + i + 2] as number) * (values[b + i + 2] as number);
    s3 += (values[a + i + 3] as number) * (values[b + i + 3] as number);
  }
  for (; i < length; i++) s0 += (values[a + i] as number) * (values[b + i] as number);
  return s0 + s1 + (s2 + s3);
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
