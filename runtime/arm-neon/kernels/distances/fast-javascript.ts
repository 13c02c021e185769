import type { DistancesOptions, Neighbours } from "../../kernels.ts";
import { distances as plainDistances } from "./javascript.ts";

type Vectors = Float32Array | Int8Array;

/** |a − b|² is |a|² + |b|² − 2ab, so that all that is left of each pair is a product, and four of these share a read. */
export function distances(
  queries: Vectors,
  bank: Vectors,
  options: DistancesOptions,
  neighbours: Neighbours,
): void {
  const { k, size } = options;
  // For one query alone the bank's lengths cost as much as all else.
  if (queries.length === size && options.metric === "squared_l2") {
    plainDistances(queries, bank, options, neighbours);
    return;
  }
  const lengths = squaredLengths(bank, size);
  const own = squaredLengths(queries, size);
  const dots = new Float64Array(lengths.length);
  for (let q = 0; q < own.length; q++) {
    multiply(queries, q * size, bank, size, dots);
    keepNearest(dots, lengths, own[q] as number, options, neighbours, q * k);
  }
}

function squaredLengths(vectors: Vectors, size: number): Float64Array {
  const lengths = new Float64Array(vectors.length / size);
  for (let v = 0; v < lengths.length; v++) {
    let sum = 0;
    for (let i = v * size; i < (v + 1) * size; i++) sum += (vectors[i] as number) ** 2;
    lengths[v] = sum;
  }
  return lengths;
}

function multiply(queries: Vectors, at: number, bank: Vectors, size: number, dots: Float64Array): void {
  let row = 0;
  for (; row + 4 <= dots.length; row += 4) {
    const [a, b, c, d] = [row * size, (row + 1) * size, (row + 2) * size, (row + 3) * size];
    let [sumA, sumB, sumC, sumD] = [0, 0, 0, 0];
    for (let i = 0; i < size; i++) {
      const value = queries[at + i] as number;
      sumA += value * (bank[a + i] as number);
      sumB += value * (bank[b + i] as number);
      sumC += value * (bank[c + i] as number);
      sumD += value * (bank[d + i] as number);
    }
    dots[row] = sumA;
    dots[row + 1] = sumB;
    dots[row + 2] = sumC;
    dots[row + 3] = sumD;
  }
  for (; row < dots.length; row++) {
    let sum = 0;
    for (let i = 0; i < size; i++) sum += (queries[at + i] as number) * (bank[row * size + i] as number);
    dots[row] = sum;
  }
}

function keepNearest(
  dots: Float64Array,
  lengths: Float64Array,
  own: number,
  { k, metric, scale = 1 }: DistancesOptions,
  { distances: nearest, indices }: Neighbours,
  at: number,
): void {
  nearest.fill(Infinity, at, at + k);
  const last = at + k - 1;
  for (let row = 0; row < dots.length; row++) {
    const [dot, length] = [dots[row] as number, lengths[row] as number];
    const distance =
      metric === "cosine" ? 1 - dot / Math.sqrt(own * length) : (own + length - 2 * dot) * scale * scale;
    if (!(distance < (nearest[last] as number))) continue;
    let place = last;
    for (; place > at && distance < (nearest[place - 1] as number); place--) {
      nearest[place] = nearest[place - 1] as number;
      indices[place] = indices[place - 1] as number;
    }
    nearest[place] = distance;
    indices[place] = row;
  }
}
