import { describe, expect, test } from "vitest";
import { expectRefusal, pick, type Random, ROUNDS, upTo } from "../../../../test/support/kernel-tests.ts";
import { randomFrom } from "../../../../test/support/models.ts";
import { runnable } from "../../../../test/support/runnable-variants.ts";
import { openKernels, type RegionsOptions } from "../../../native/index.ts";
import { regions as oracle } from "./javascript.ts";

const generic = openKernels([]);

/** Rows of stretches, so that there are long runs as well as single pixels. */
function stretches(random: Random, pixels: number, next: () => number): number[] {
  const values: number[] = [];
  const longest = pick(random, [1, 3, 40]);
  while (values.length < pixels) values.push(...new Array<number>(upTo(random, longest)).fill(next()));
  return values.slice(0, pixels);
}

function randomCall(random: Random) {
  const [width, height] = [pick(random, [1, 2, 7, 8, 9, 31, 33, 65]), upTo(random, 30)];
  const isMask = random() < 0.5;
  const scores = [Number.NaN, 0, 0.25, 0.5, 0.75, 1, Infinity, -Infinity];
  const next = () => (isMask ? Math.floor(random() * 3) : pick(random, scores));
  const values = stretches(random, width * height, next);
  const options: RegionsOptions = {
    width,
    height,
    threshold: isMask ? undefined : pick(random, [0.2, 0.5, 0.75]),
    connectivity: pick(random, [4, 8]),
    limit: pick(random, [1, 5, 10_000]),
  };
  return { image: isMask ? Uint8Array.from(values) : Float32Array.from(values), options };
}

/** A mask from a picture of digits and dots. */
function drawn(...rows: string[]) {
  const image = Uint8Array.from(rows.join("").replaceAll(".", "0"), Number);
  return { image, options: { width: rows[0]?.length ?? 0, height: rows.length, limit: 99 } };
}

describe.each(runnable("regions"))("regions, %s", (_, kernels) => {
  test("equal those of a flood fill (seed 71)", async () => {
    const random = randomFrom(71);
    for (let i = 0; i < ROUNDS; i++) {
      const { image, options } = randomCall(random);
      expect(await kernels.regions(image, options), JSON.stringify(options)).toEqual(oracle(image, options));
    }
  });

  test("are the same for several calls at once (seed 72)", async () => {
    const random = randomFrom(72);
    const calls = Array.from({ length: 20 }, () => randomCall(random));
    const found = await Promise.all(calls.map(({ image, options }) => kernels.regions(image, options)));
    expect(found).toEqual(calls.map(({ image, options }) => oracle(image, options)));
  });

  test("a spiral is one region", async () => {
    const { image, options } = drawn(
      "1111111",
      "......1",
      "11111.1",
      "1...1.1",
      "1.1.1.1",
      "1.111.1",
      "1.....1",
      "1111111",
    );
    const { areas, boxes } = await kernels.regions(image, { ...options, connectivity: 4 });
    expect([[...areas], [...boxes]]).toEqual([[35], [0, 0, 7, 8]]);
  });
});

test("area, box, peak and centroid, the largest first", async () => {
  const map = Float32Array.of(0.9, 0, 0, 0, 0, 0, 0.5, 0.6, 0, 0, 0.7, 0.5);
  const options = { width: 4, height: 3, threshold: 0.5, connectivity: 4, limit: 9 } as const;
  expect(await generic.regions(map, options)).toEqual({
    classIds: Uint8Array.of(1, 1),
    areas: Uint32Array.of(4, 1),
    boxes: Uint32Array.of(2, 1, 4, 3, 0, 0, 1, 1),
    peaks: Float32Array.of(0.7, 0.9),
    centroids: Float64Array.of(3, 2, 0.5, 0.5),
  });
});

test("pixels that touch at a corner are one region of two by choice, of different classes never", async () => {
  const { image, options } = drawn("1.2", ".12");
  const areas = async (connectivity: 4 | 8) => {
    const found = await generic.regions(image, { ...options, connectivity });
    return [...found.areas];
  };
  expect(await areas(8)).toEqual([2, 2]);
  expect(await areas(4)).toEqual([2, 1, 1]);
});

test("equal areas come in the order of their first pixels, and the limit takes the first of them", async () => {
  const { image, options } = drawn(".2.1", "...1", "3..1", "4.4.");
  const { classIds } = await generic.regions(image, { ...options, connectivity: 4, limit: 4 });
  expect([...classIds]).toEqual([1, 2, 3, 4]);
});

test("an empty picture has none", async () => {
  const { image, options } = drawn("...");
  const { areas } = await generic.regions(image, { ...options, connectivity: 8 });
  expect(areas).toHaveLength(0);
});

describe("refuses with ERR_ADDON_ARGUMENT:", () => {
  const [map, mask] = [new Float32Array(6), new Uint8Array(6)];
  const good = { width: 3, height: 2, connectivity: 8, limit: 9 };
  const above = { ...good, threshold: 0.5 };
  test.each<[string, unknown, unknown, RegExp]>([
    ["no options", mask, undefined, /options/],
    ["no width", mask, { ...good, width: 0 }, /width/],
    ["too many pixels", mask, { ...good, width: 65_536, height: 65_536 }, /2\^32/],
    ["an odd connectivity", mask, { ...good, connectivity: 6 }, /connectivity/],
    ["a limit of nothing", mask, { ...good, limit: 0 }, /limit/],
    ["a map without a threshold", map, good, /threshold/],
    ["a threshold that is no number", map, { ...good, threshold: Number.NaN }, /threshold/],
    ["a mask with a threshold", mask, above, /threshold/],
    ["a pixel too few", map.subarray(1), above, /image/],
    ["a picture of another class", new Int8Array(6), good, /image/],
  ])("%s", (_, image, options, words) => expectRefusal(generic, "regions", [image, options], words));
});
