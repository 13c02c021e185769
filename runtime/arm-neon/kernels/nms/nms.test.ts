import { describe, expect, test } from "vitest";
import { AWKWARD, expectRefusal, pick, type Random, ROUNDS } from "../../../../test/support/kernel-tests.ts";
import { randomFrom } from "../../../../test/support/models.ts";
import { runnable } from "../../../../test/support/runnable-variants.ts";
import { type Candidates, type NmsOptions, openKernels } from "../../../native/index.ts";
import { nms as oracle } from "./javascript.ts";

const generic = openKernels([]);

/** Boxes of few sizes on a small picture, so that many touch, are equal, or inside out. */
function randomBox(random: Random): number[] {
  const at = () => Math.floor(random() * 40);
  const [left, top] = [at(), at()];
  if (random() < 0.05) return [left, top, left - 5, top + 5];
  if (random() < 0.05)
    return [left, pick(random, [Number.NaN, -Infinity, Infinity, -0]), 30, pick(random, [20, Infinity])];
  return [left, top, left + upToTen(random) + random(), top + upToTen(random)];
}

const upToTen = (random: Random): number => Math.floor(random() * 11);

function randomCandidates(random: Random, count: number, classes: number): Candidates {
  return {
    classIds: Uint32Array.from({ length: count }, () => Math.floor(random() * classes)),
    scores: Float32Array.from({ length: count }, () =>
      random() < 0.02 ? Number.NaN : Math.floor(random() * 50) / 50,
    ),
    boxes: Float32Array.from(Array.from({ length: count }, () => randomBox(random)).flat()),
  };
}

function randomCall(random: Random) {
  const candidates = randomCandidates(random, pick(random, AWKWARD), pick(random, [1, 3, 80]));
  const options: NmsOptions = {
    iouMax: pick(random, [0, 0.1, 0.3, 0.45, 0.5, 1]),
    acrossClasses: pick(random, [true, false, undefined]),
  };
  return { candidates, options };
}

/** Boxes in a row, each of which shares a third of its union with the next. */
const row = (scores: readonly number[], classIds: readonly number[]): Candidates => ({
  classIds: Uint32Array.from(classIds),
  scores: Float32Array.from(scores),
  boxes: Float32Array.from(scores.flatMap((_, i) => [i * 10, 0, i * 10 + 20, 20])),
});

describe.each(runnable("nms"))("nms, %s", (_, kernels) => {
  test("equals a plain loop (seed 31)", async () => {
    const random = randomFrom(31);
    for (let i = 0; i < ROUNDS; i++) {
      const { candidates, options } = randomCall(random);
      expect(await kernels.nms(candidates, options), JSON.stringify(options)).toEqual(
        oracle(candidates, options),
      );
    }
  });

  test("looks at the best thousand of more (seed 32)", async () => {
    const candidates = randomCandidates(randomFrom(32), 1_400, 2);
    const options = { iouMax: 1 };
    expect(await kernels.nms(candidates, options)).toEqual(oracle(candidates, options));
  });

  test("does the same for several calls at once (seed 33)", async () => {
    const random = randomFrom(33);
    const calls = Array.from({ length: 20 }, () => randomCall(random));
    const kept = await Promise.all(calls.map((c) => kernels.nms(c.candidates, c.options)));
    expect(kept).toEqual(calls.map((c) => oracle(c.candidates, c.options)));
  });
});

test("a box that a better one suppresses suppresses none itself", async () => {
  expect([...(await generic.nms(row([0.7, 0.9, 0.8, 0.6], [0, 0, 0, 0]), { iouMax: 0.3 }))]).toEqual([1, 3]);
});

test("a third of the union is not more than a third", async () => {
  expect([...(await generic.nms(row([0.7, 0.9], [0, 0]), { iouMax: 0.34 }))]).toEqual([1, 0]);
});

test("boxes of different classes stay, unless told otherwise", async () => {
  const candidates = row([0.7, 0.9], [0, 1]);
  expect([...(await generic.nms(candidates, { iouMax: 0.3 }))]).toEqual([1, 0]);
  expect([...(await generic.nms(candidates, { iouMax: 0.3, acrossClasses: true }))]).toEqual([1]);
});

test("of equal scores the first box stays, and touching boxes do not overlap", async () => {
  const boxes = Float32Array.of(0, 0, 10, 10, 0, 0, 10, 10, 10, 0, 20, 10);
  const candidates = { classIds: new Uint32Array(3), scores: new Float32Array(3).fill(0.5), boxes };
  expect([...(await generic.nms(candidates, { iouMax: 0 }))]).toEqual([0, 2]);
});

test("no boxes", async () => {
  expect(await generic.nms(row([], []), { iouMax: 0.5 })).toEqual(new Uint32Array());
});

describe("refuses with ERR_ADDON_ARGUMENT:", () => {
  const good = row([0.5, 0.6], [0, 0]);
  const options = { iouMax: 0.5 };
  test.each<[string, unknown, unknown, RegExp]>([
    ["no candidates", undefined, options, /candidates/],
    ["no options", good, undefined, /options/],
    ["no limit", good, {}, /iouMax/],
    ["a limit above 1", good, { iouMax: 1.01 }, /iouMax/],
    ["a negative limit", good, { iouMax: -0.1 }, /iouMax/],
    ["a limit that is no number", good, { iouMax: Number.NaN }, /iouMax/],
    ["a choice that is none", good, { iouMax: 0.5, acrossClasses: 1 }, /acrossClasses/],
    ["a class too few", { ...good, classIds: new Uint32Array(1) }, options, /classIds/],
    ["classes of another type", { ...good, classIds: new Int32Array(2) }, options, /classIds/],
    ["a number too few", { ...good, boxes: new Float32Array(7) }, options, /boxes/],
    ["boxes of another type", { ...good, boxes: new Float64Array(8) }, options, /boxes/],
    ["no scores", { ...good, scores: undefined }, options, /scores/],
  ])("%s", (_, candidates, given, words) => expectRefusal(generic, "nms", [candidates, given], words));
});
