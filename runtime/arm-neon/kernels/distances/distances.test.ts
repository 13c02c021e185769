import { describe, expect, test } from "vitest";
import { AWKWARD, expectRefusal, ROUNDS } from "../../../../test/support/kernel-tests.ts";
import { randomFrom } from "../../../../test/support/models.ts";
import { runnable } from "../../../../test/support/runnable-variants.ts";
import { type DistancesOptions, type Kernels, openKernels } from "../../../native/index.ts";
import { cosineDistance, distances, squaredDistance } from "./javascript.ts";

type Vectors = Float32Array | Int8Array;
type Metric = DistancesOptions["metric"];

const METRICS: readonly Metric[] = ["squared_l2", "cosine"];
const TYPES = [Float32Array, Int8Array] as const;
const CASES = TYPES.flatMap((Type) => METRICS.map((metric) => [Type.name, metric, Type] as const));
const generic = openKernels([]);

const makeNeighbours = (count: number) => ({
  indices: new Uint32Array(count),
  distances: new Float32Array(count),
});

/** Some elements are the least and the greatest, some vectors zero, some equal to the one before. */
function makeVectors(
  Type: (typeof TYPES)[number],
  count: number,
  size: number,
  random: () => number,
): Vectors {
  const vectors = new Type(count * size);
  for (let v = 0; v < count; v++) {
    const kind = random();
    const one = vectors.subarray(v * size, (v + 1) * size);
    if (kind < 0.1) continue;
    if (kind < 0.2 && v > 0) one.set(vectors.subarray((v - 1) * size, v * size));
    else for (let i = 0; i < size; i++) one[i] = element(Type, random);
  }
  return vectors;
}

function element(Type: (typeof TYPES)[number], random: () => number): number {
  if (Type === Float32Array) return random() * 4 - 2;
  const kind = random();
  if (kind < 0.1) return -128;
  return kind < 0.2 ? 127 : Math.floor(random() * 256) - 128;
}

async function search(kernels: Kernels, queries: Vectors, bank: Vectors, options: DistancesOptions) {
  const neighbours = makeNeighbours((queries.length / options.size) * options.k);
  await kernels.distances(queries, bank, options, neighbours);
  return neighbours;
}

/** The documented error of a float32 distance that should be `exact`. */
function tolerance({ metric, size }: DistancesOptions, exact: number): number {
  const unit = 2 ** -24;
  return metric === "cosine" ? (size / 4 + 16) * unit : (size / 8 + 8) * unit * exact;
}

function expectNearest(
  { distances: found, indices }: ReturnType<typeof makeNeighbours>,
  queries: Vectors,
  bank: Vectors,
  options: DistancesOptions,
): void {
  const { k, metric, size } = options;
  const exactly = metric === "cosine" ? cosineDistance : squaredDistance;
  for (let q = 0; q < queries.length / size; q++) {
    const query = queries.subarray(q * size, (q + 1) * size);
    const all = Array.from({ length: bank.length / size }, (_, i) => exactly(query, bank, i * size));
    const sorted = all.toSorted((a, b) => a - b);
    expect(new Set(indices.subarray(q * k, (q + 1) * k)).size).toBe(k);
    for (let i = 0; i < k; i++) {
      const distance = found[q * k + i] as number;
      // Both the neighbour's own distance, and the rank that it stands at.
      for (const exact of [all[indices[q * k + i] as number] as number, sorted[i] as number]) {
        expect(Math.abs(distance - exact)).toBeLessThanOrEqual(tolerance(options, exact));
      }
      if (i === 0) continue;
      const before = found[q * k + i - 1] as number;
      const isInOrder =
        before < distance || (indices[q * k + i - 1] as number) < (indices[q * k + i] as number);
      expect(before <= distance && isInOrder).toBe(true);
    }
  }
}

function* randomCases(Type: (typeof TYPES)[number], metric: Metric, seed: number) {
  const random = randomFrom(seed);
  const below = (most: number) => Math.floor(random() * most);
  for (let round = 0; round < ROUNDS; round++) {
    const size = AWKWARD[round % AWKWARD.length] as number;
    const [queryCount, bankCount] = [below(12), 1 + below(40)];
    yield {
      queries: makeVectors(Type, queryCount, size, random),
      bank: makeVectors(Type, bankCount, size, random),
      options: { metric, size, k: 1 + below(Math.min(bankCount, 9)) },
    };
  }
}

describe.each(CASES)("distances of %s, %s", (_, metric, Type) => {
  test("generic finds what double precision finds (seed 11)", async () => {
    for (const { bank, options, queries } of randomCases(Type, metric, 11)) {
      const found = await search(generic, queries, bank, options);
      if (Type === Float32Array) expectNearest(found, queries, bank, options);
      else {
        const wanted = makeNeighbours(found.indices.length);
        distances(queries, bank, options, wanted);
        expect(found).toEqual(wanted);
      }
    }
  });

  test.each(runnable("distances"))("%s equals generic bit for bit (seed 12)", async (_variant, kernels) => {
    for (const { bank, options, queries } of randomCases(Type, metric, 12)) {
      expect(await search(kernels, queries, bank, options)).toEqual(
        await search(generic, queries, bank, options),
      );
    }
  });

  test.each(runnable("distances"))(
    "%s, over several blocks of bank and queries (seed 13)",
    async (_variant, kernels) => {
      const random = randomFrom(13);
      const size = Type === Float32Array ? 1_040 : 4_160;
      const [queries, bank] = [makeVectors(Type, 66, size, random), makeVectors(Type, 23, size, random)];
      const options: DistancesOptions = { metric, size, k: 5 };
      const found = await search(kernels, queries, bank, options);
      // 63 queries are a group, and four rows a block; queries by themselves meet neither edge.
      for (const q of [0, 62, 63, 64, 65]) {
        const alone = await search(generic, queries.subarray(q * size, (q + 1) * size), bank, options);
        expect(found.indices.subarray(q * 5, q * 5 + 5)).toEqual(alone.indices);
        expect(found.distances.subarray(q * 5, q * 5 + 5)).toEqual(alone.distances);
      }
    },
  );

  test("several calls at once give the same (seed 14)", async () => {
    const calls = [...randomCases(Type, metric, 14)].slice(0, 20);
    const found = calls.map(({ bank, options, queries }) => search(openKernels(), queries, bank, options));
    for (const [i, { bank, options, queries }] of calls.entries()) {
      expect(await found[i]).toEqual(await search(generic, queries, bank, options));
    }
  });
});

describe.each(runnable("distances"))("distances, %s", (_, kernels) => {
  const l2 = (k: number, size: number, scale?: number): DistancesOptions => ({
    metric: "squared_l2",
    k,
    size,
    scale,
  });
  const cosine = (k: number, size: number): DistancesOptions => ({ metric: "cosine", k, size });

  test("equal distances are in the order of the bank, whichever of them are kept", async () => {
    const bank = new Float32Array([3, 1, -1, 3, 1, 1, -1, 9, 1]);
    expect((await search(kernels, new Float32Array([0]), bank, l2(4, 1))).indices).toEqual(
      Uint32Array.of(1, 2, 4, 5),
    );
    expect((await search(kernels, new Float32Array([0]), bank, l2(9, 1))).indices).toEqual(
      Uint32Array.of(1, 2, 4, 5, 6, 8, 0, 3, 7),
    );
  });

  test("near vectors keep their digits, far from the origin", async () => {
    const query = new Float32Array(40).fill(1_000);
    const bank = new Float32Array(80).fill(1_000);
    bank[3] = 1_000 + 2 ** -12;
    bank[43] = 1_000 - 2 ** -13;
    expect(await search(kernels, query, bank, l2(2, 40))).toEqual({
      indices: Uint32Array.of(1, 0),
      distances: Float32Array.of(2 ** -26, 2 ** -24),
    });
  });

  test("the nearest of many near vectors is found, far from the origin (seed 15)", async () => {
    const random = randomFrom(15);
    for (let round = 0; round < ROUNDS; round++) {
      const size = AWKWARD[round % AWKWARD.length] as number;
      // So few bits differ that their squares and sums are exact, while the norms' last bit is worth more.
      const near = (count: number) =>
        Float32Array.from({ length: count * size }, () => 1_000 + Math.floor(random() * 16) / 2 ** 10);
      const [queries, bank, options] = [near(3), near(60), l2(2, size)];
      const wanted = makeNeighbours(6);
      distances(queries, bank, options, wanted);
      expect(await search(kernels, queries, bank, options)).toEqual(wanted);
    }
  });

  test("a bank that comes ever nearer", async () => {
    const bank = new Float32Array(100 * 12);
    for (let i = 0; i < bank.length; i++) bank[i] = 100 - Math.floor(i / 12);
    expect(await search(kernels, new Float32Array(12), bank, l2(3, 12))).toEqual({
      indices: Uint32Array.of(99, 98, 97),
      distances: Float32Array.of(12, 48, 108),
    });
  });

  test("equal and opposite directions are at exactly 0 and 2, zero vectors at 1 from all", async () => {
    const query = Float32Array.from({ length: 19 }, (_, i) => Math.sin(i + 1));
    const bank = new Float32Array(19 * 4);
    bank.set(query.map((value) => value * -2));
    bank.set(query, 19 * 2);
    bank.set(
      query.map((value) => value * 4),
      19 * 3,
    );
    expect(await search(kernels, query, bank, cosine(4, 19))).toEqual({
      indices: Uint32Array.of(2, 3, 1, 0),
      distances: Float32Array.of(0, 0, 1, 2),
    });
    expect([...(await search(kernels, new Float32Array(19), bank, cosine(4, 19))).distances]).toEqual([
      1, 1, 1, 1,
    ]);
  });

  test.each(METRICS)("NaN and infinity are Infinity away, behind all others (%s)", async (metric) => {
    const bank = new Float32Array(9 * 5).fill(1);
    bank[0] = Number.NaN;
    bank[9 + 8] = Number.POSITIVE_INFINITY;
    bank[9 * 3 + 2] = Number.NEGATIVE_INFINITY;
    const found = await search(kernels, new Float32Array(9).fill(1), bank, { metric, size: 9, k: 5 });
    expect([...found.indices]).toEqual([2, 4, 0, 1, 3]);
    expect([...found.distances]).toEqual([0, 0, Infinity, Infinity, Infinity]);
    const lost = await search(kernels, new Float32Array(9).fill(Number.NaN), bank, { metric, size: 9, k: 2 });
    expect(lost).toEqual({ indices: Uint32Array.of(0, 1), distances: Float32Array.of(Infinity, Infinity) });
  });

  test("squared lengths above float32's range hide no near vector", async () => {
    const query = new Float32Array(8).fill(1e19);
    const bank = new Float32Array(16).fill(1e19);
    bank.fill(0.9e19, 0, 8);
    expect((await search(kernels, query, bank, l2(2, 8))).indices).toEqual(Uint32Array.of(1, 0));
    expect((await search(kernels, query, bank, l2(1, 8))).distances).toEqual(Float32Array.of(0));
  });

  test("int8 sums do not overflow at the longest vectors", async () => {
    const size = 65_536;
    const bank = new Int8Array(size * 2).fill(-128);
    const found = await search(kernels, new Int8Array(size).fill(127), bank, l2(1, size, 0.5));
    expect(found.distances).toEqual(Float32Array.of(size * 255 * 255 * 0.25));
    expect((await search(kernels, bank, bank, cosine(2, size))).distances).toEqual(new Float32Array(4));
  });

  test("the scale is squared, and leaves cosines alone", async () => {
    const [query, bank] = [Int8Array.of(3, 4), Int8Array.of(0, 0, 3, 5)];
    expect((await search(kernels, query, bank, l2(2, 2, 0.1))).distances).toEqual(
      Float32Array.of(0.1 ** 2, 25 * 0.1 ** 2),
    );
    const options = cosine(2, 2);
    expect(await search(kernels, query, bank, { ...options, scale: 7 })).toEqual(
      await search(kernels, query, bank, options),
    );
  });

  test("no queries, no neighbours", async () => {
    const neighbours = makeNeighbours(3);
    await kernels.distances(new Float32Array(0), new Float32Array(8), l2(1, 4), neighbours);
    expect(neighbours).toEqual(makeNeighbours(3));
  });
});

describe("what distances refuses", () => {
  const options: DistancesOptions = { metric: "squared_l2", size: 4, k: 2 };
  const [queries, bank] = [new Float32Array(8), new Float32Array(12)];
  const changed = (part: object) => [queries, bank, { ...options, ...part }, makeNeighbours(4)];
  const REFUSED: [string, unknown[]][] = [
    ["options must be an object", [queries, bank, undefined, makeNeighbours(4)]],
    ["options.metric must be", changed({ metric: "l1" })],
    ["options.metric must be", changed({ metric: 3 })],
    ["options.size must be", changed({ size: 0 })],
    ["options.size must be", changed({ size: 65_537 })],
    ["options.size must be", changed({ size: 1.5 })],
    ["options.k must be a whole number", changed({ k: 0 })],
    ["options.k must be a whole number", changed({ k: "2" })],
    ["options.k must be at most", changed({ k: 4 })],
    ["options.scale must be", changed({ scale: 0 })],
    ["options.scale must be", changed({ scale: -1 })],
    ["options.scale must be", changed({ scale: 1e39 })],
    ["options.scale must be", changed({ scale: null })],
    ["queries must be a Float32Array", [[1, 2, 3, 4], bank, options, makeNeighbours(4)]],
    ["queries must be a Float32Array", [new Uint8Array(8), bank, options, makeNeighbours(4)]],
    ["queries must be whole vectors", [new Float32Array(7), bank, options, makeNeighbours(4)]],
    ["bank must be an array of the queries' type", [queries, new Int8Array(12), options, makeNeighbours(4)]],
    ["bank must be an array of the queries' type", [queries, undefined, options, makeNeighbours(4)]],
    ["bank must be whole vectors", [queries, new Float32Array(13), options, makeNeighbours(4)]],
    ["options.k must be at most", [queries, new Float32Array(0), options, makeNeighbours(4)]],
    ["neighbours must be an object", [queries, bank, options, null]],
    ["neighbours.indices must be", [queries, bank, options, { distances: new Float32Array(4) }]],
    [
      "neighbours.indices must have",
      [queries, bank, options, { ...makeNeighbours(4), indices: new Int32Array(3) }],
    ],
    [
      "neighbours.distances must be",
      [queries, bank, options, { ...makeNeighbours(4), distances: [0, 0, 0, 0] }],
    ],
    [
      "neighbours.distances must have",
      [queries, bank, options, { ...makeNeighbours(4), distances: new Float32Array(3) }],
    ],
  ];

  test.each(REFUSED)("%s (%#)", async (words, args) => {
    await expectRefusal(openKernels(), "distances", args, words);
    const neighbours = args[3] as Partial<ReturnType<typeof makeNeighbours>> | null;
    expect(neighbours?.indices?.every((value) => value === 0) ?? true).toBe(true);
  });

  test("a caller's own error comes through, and a getter that takes the memory away is noticed", async () => {
    const own = new Error("mine");
    const throwing = {
      ...options,
      get k(): number {
        throw own;
      },
    };
    const attempt = () => openKernels().distances(queries, bank, throwing, makeNeighbours(4));
    expect(attempt).toThrow(own);
    const vanishing = new Float32Array(8);
    const neighbours = {
      indices: new Uint32Array(4),
      get distances() {
        structuredClone(vanishing.buffer, { transfer: [vanishing.buffer] });
        return new Float32Array(4);
      },
    };
    await openKernels().distances(vanishing, bank, options, neighbours);
    expect(neighbours.indices).toEqual(new Uint32Array(4));
  });
});
