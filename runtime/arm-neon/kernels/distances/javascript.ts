import type { DistancesOptions, Neighbours } from "../../kernels.ts";

type Vectors = Float32Array | Int8Array;

/** What the kernel does, as a plain loop in double precision: the other side of the bench, and an oracle. */
export function distances(
  queries: Vectors,
  bank: Vectors,
  options: DistancesOptions,
  neighbours: Neighbours,
): void {
  const { k, size } = options;
  for (let q = 0; q < queries.length / size; q++) {
    const found = nearest(queries.subarray(q * size, (q + 1) * size), bank, options);
    for (let i = 0; i < k; i++) {
      neighbours.indices[q * k + i] = found[i]?.index ?? 0;
      neighbours.distances[q * k + i] = found[i]?.distance ?? 0;
    }
  }
}

interface Found {
  index: number;
  distance: number;
}

function nearest(query: Vectors, bank: Vectors, { k, metric, scale = 1, size }: DistancesOptions): Found[] {
  const found: Found[] = [];
  for (let index = 0; index < bank.length / size; index++) {
    const raw =
      metric === "cosine"
        ? cosineDistance(query, bank, index * size)
        : squaredDistance(query, bank, index * size) * scale * scale;
    const distance = Math.fround(Number.isNaN(raw) ? Number.POSITIVE_INFINITY : raw);
    const last = found[k - 1];
    if (last !== undefined && distance >= last.distance) continue;
    let place = found.length;
    while (place > 0 && distance < (found[place - 1] as Found).distance) place--;
    found.splice(place, 0, { index, distance });
    found.length = Math.min(found.length, k);
  }
  return found;
}

export function squaredDistance(query: Vectors, bank: Vectors, start: number): number {
  let sum = 0;
  for (let i = 0; i < query.length; i++) {
    const apart = (query[i] as number) - (bank[start + i] as number);
    sum += apart * apart;
  }
  return sum;
}

export function cosineDistance(query: Vectors, bank: Vectors, start: number): number {
  let dot = 0;
  let norm = 0;
  let otherNorm = 0;
  for (let i = 0; i < query.length; i++) {
    const [a, b] = [query[i] as number, bank[start + i] as number];
    dot += a * b;
    norm += a * a;
    otherNorm += b * b;
  }
  if (norm === 0 || otherNorm === 0) return 1;
  return Math.min(Math.max(1 - dot / Math.sqrt(norm * otherNorm), 0), 2);
}
