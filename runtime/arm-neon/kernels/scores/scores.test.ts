import { describe, expect, test } from "vitest";
import {
  AWKWARD,
  expectRefusal,
  pick,
  quantizationOf,
  type Random,
  ROUNDS,
  randomValues,
  VALUE_CLASSES,
} from "../../../../test/support/kernel-tests.ts";
import { randomFrom } from "../../../../test/support/models.ts";
import { runnable } from "../../../../test/support/runnable-variants.ts";
import { openKernels, type ScoresOptions } from "../../../native/index.ts";
import { scores as oracle } from "./javascript.ts";

const generic = openKernels([]);

function randomCall(random: Random) {
  const Class = pick(random, VALUE_CLASSES);
  const values = randomValues(random, Class, pick(random, AWKWARD) + pick(random, [0, 0, 300]));
  const options: ScoresOptions = {
    scoreMin: pick(random, [-Infinity, -0.3, 0, 0.3, 0.5, 0.98, 1, 2, Infinity]),
    limit: pick(random, [1, 2, 5, 50, 1_000]),
    quantization: quantizationOf(Class),
  };
  return { values, options };
}

describe.each(runnable("scores"))("scores, %s", (_, kernels) => {
  test("equals a plain loop (seed 21)", async () => {
    const random = randomFrom(21);
    for (let i = 0; i < ROUNDS; i++) {
      const { options, values } = randomCall(random);
      expect(await kernels.scores(values, options), JSON.stringify(options)).toEqual(oracle(values, options));
    }
  });

  test.each(AWKWARD)("finds the only score of %i, wherever it stands", async (length) => {
    for (const Class of VALUE_CLASSES) {
      const values = new Class(length).fill(1);
      for (let at = 0; at < length; at++) {
        values[at] = 2;
        const quantization = Class === Float32Array ? undefined : { scale: 1, zeroPoint: 0 };
        const found = await kernels.scores(values, { scoreMin: 2, limit: 9, quantization });
        expect([...found.indices, ...found.scores]).toEqual([at, 2]);
        values[at] = 1;
      }
    }
  });

  test("does the same for several calls at once (seed 22)", async () => {
    const random = randomFrom(22);
    const calls = Array.from({ length: 20 }, () => randomCall(random));
    const found = await Promise.all(calls.map(({ options, values }) => kernels.scores(values, options)));
    expect(found).toEqual(calls.map(({ options, values }) => oracle(values, options)));
  });
});

test("equal scores come in the order of their indices, and the limit takes the first of them", async () => {
  const { indices } = await generic.scores(Float32Array.of(0.5, 0.9, 0.5, 0.9, 0.5), {
    scoreMin: 0.1,
    limit: 3,
  });
  expect([...indices]).toEqual([1, 3, 0]);
});

test("the best whatever they are, but never NaN", async () => {
  const values = Float32Array.of(Number.NaN, -Infinity, -3, Number.NaN, Infinity);
  expect(await generic.scores(values, { scoreMin: -Infinity, limit: 9 })).toEqual({
    indices: Uint32Array.of(4, 2, 1),
    scores: Float32Array.of(Infinity, -3, -Infinity),
  });
});

test("0.3 in float32 is above 0.3, and the float32 below it is not", async () => {
  const above = Math.fround(0.3);
  const below = Math.fround(0.3 - 2 ** -26);
  const { scores } = await generic.scores(Float32Array.of(below, above), { scoreMin: 0.3, limit: 9 });
  expect([...scores]).toEqual([above]);
});

test("no scores at all, and none that reaches the threshold", async () => {
  const none = { indices: new Uint32Array(), scores: new Float32Array() };
  expect(await generic.scores(new Float32Array(), { scoreMin: 0, limit: 9 })).toEqual(none);
  const quantization = { scale: 1, zeroPoint: 0 };
  expect(await generic.scores(new Int8Array(99), { scoreMin: 128, limit: 9, quantization })).toEqual(none);
});

describe("refuses with ERR_ADDON_ARGUMENT:", () => {
  const values = new Float32Array(9);
  const good = { scoreMin: 0.5, limit: 5 };
  const quantized = (scale: unknown, zeroPoint: unknown) => ({ ...good, quantization: { scale, zeroPoint } });
  test.each<[string, unknown, unknown, RegExp]>([
    ["no options", values, undefined, /options/],
    ["scores of another class", new Float64Array(9), good, /values/],
    ["an array that is none", [1, 2], good, /values/],
    ["no threshold", values, { limit: 5 }, /scoreMin/],
    ["a threshold that is no number", values, { ...good, scoreMin: Number.NaN }, /scoreMin/],
    ["no limit", values, { scoreMin: 0 }, /limit/],
    ["a limit of nothing", values, { ...good, limit: 0 }, /limit/],
    ["half a limit", values, { ...good, limit: 1.5 }, /limit/],
    ["an endless limit", values, { ...good, limit: Infinity }, /limit/],
    ["integers without a scale", new Int8Array(9), good, /values needs a quantization/],
    ["float32 with a scale", values, quantized(1, 0), /takes no quantization/],
    ["a scale of 0", new Int8Array(9), quantized(0, 0), /quantization.scale/],
    ["a scale beyond float32", new Int8Array(9), quantized(1e300, 0), /quantization.scale/],
    ["half a zero point", new Int8Array(9), quantized(1, 0.5), /quantization.zeroPoint/],
    ["a zero point outside of the type", new Int8Array(9), quantized(1, 128), /zeroPoint/],
    ["a zero point below the type", new Uint8Array(9), quantized(1, -1), /zeroPoint/],
    ["a quantization that is a number", new Int8Array(9), { ...good, quantization: 1 }, /quantization/],
  ])("%s", (_, given, options, words) => expectRefusal(generic, "scores", [given, options], words));

  test("a getter that detaches the scores gets no freed memory read", async () => {
    const doomed = new Float32Array(1_000).fill(1);
    const options = {
      limit: 9,
      get scoreMin() {
        structuredClone(doomed.buffer, { transfer: [doomed.buffer] });
        return 0;
      },
    };
    const { indices } = await generic.scores(doomed, options);
    expect(indices).toHaveLength(0);
  });
});
