import { describe, expect, test } from "vitest";
import {
  expectRefusal,
  pick,
  quantizationOf,
  type Random,
  ROUNDS,
  randomValues,
  upTo,
  VALUE_CLASSES,
} from "../../../../test/support/kernel-tests.ts";
import { randomFrom } from "../../../../test/support/models.ts";
import { runnable } from "../../../../test/support/runnable-variants.ts";
import { openKernels, type PeaksOptions } from "../../../native/index.ts";
import { peaks as oracle } from "./javascript.ts";

const generic = openKernels([]);

function randomCall(random: Random) {
  const [Class, EdgesClass] = [pick(random, VALUE_CLASSES), pick(random, VALUE_CLASSES)];
  const [width, height, classes] = [pick(random, [1, 2, 3, 7, 17, 33]), upTo(random, 9), upTo(random, 3)];
  const options: PeaksOptions = {
    width,
    height,
    classes,
    stride: pick(random, [1, 8, 3.7]),
    scoreMin: pick(random, [-0.1, 0.3, 0.6, 0.9]),
    limit: pick(random, [1, 7, 1_000]),
    nms: pick(random, [undefined, { iouMax: 0.3 }]),
    quantization: quantizationOf(Class),
    edgesQuantization: quantizationOf(EdgesClass),
  };
  const heat = randomValues(random, Class, classes * height * width);
  const edges = randomValues(random, EdgesClass, 4 * height * width, 0.01);
  return { heat, edges, options };
}

describe.each(runnable("peaks"))("peaks, %s", (_, kernels) => {
  test("equals a plain loop (seed 51)", async () => {
    const random = randomFrom(51);
    for (let i = 0; i < ROUNDS; i++) {
      const { edges, heat, options } = randomCall(random);
      const found = await kernels.peaks(heat, edges, options);
      expect(found, JSON.stringify(options)).toEqual(oracle(heat, edges, options));
    }
  });

  test("does the same for several calls at once (seed 52)", async () => {
    const random = randomFrom(52);
    const calls = Array.from({ length: 20 }, () => randomCall(random));
    const found = await Promise.all(calls.map((c) => kernels.peaks(c.heat, c.edges, c.options)));
    expect(found).toEqual(calls.map((c) => oracle(c.heat, c.edges, c.options)));
  });
});

test("a plateau is one peak, and a row's end is no neighbour of the next row's begin", async () => {
  const heat = Float32Array.of(0.5, 0.5, 0, 0.9, 0, 0, 0, 0, 0.8, 0, 0, 0);
  const options = { width: 4, height: 3, classes: 1, stride: 2, scoreMin: 0.4, limit: 9 };
  expect(await generic.peaks(heat, new Float32Array(48).fill(0.5), options)).toEqual({
    classIds: new Uint32Array(3),
    scores: Float32Array.of(0.9, 0.8, 0.5),
    boxes: Float32Array.of(6, 0, 8, 2, 0, 4, 2, 6, 0, 0, 2, 2),
  });
});

describe("refuses with ERR_ADDON_ARGUMENT:", () => {
  const [heat, edges] = [new Float32Array(12), new Float32Array(24)];
  const good = { width: 3, height: 2, classes: 2, stride: 8, scoreMin: 0.5, limit: 9 };
  test.each<[string, unknown, unknown, unknown, RegExp]>([
    ["no options", heat, edges, undefined, /options/],
    ["no width", heat, edges, { ...good, width: 0 }, /width/],
    ["an endless height", heat, edges, { ...good, height: 65_537 }, /height/],
    ["half a class", heat, edges, { ...good, classes: 0.5 }, /classes/],
    ["a stride of 0", heat, edges, { ...good, stride: 0 }, /stride/],
    ["a stride beyond float32", heat, edges, { ...good, stride: 1e39 }, /stride/],
    ["a cell too few", heat.subarray(1), edges, good, /heat/],
    ["an edge too few", heat, edges.subarray(1), good, /edges/],
    ["edges without a scale", heat, new Int8Array(24), good, /edges needs/],
    ["heat without a scale", new Uint8Array(12), edges, good, /heat needs/],
    ["no threshold", heat, edges, { ...good, scoreMin: undefined }, /scoreMin/],
    ["a limit of nothing", heat, edges, { ...good, limit: 0 }, /limit/],
  ])("%s", (_, h, e, options, words) => expectRefusal(generic, "peaks", [h, e, options], words));
});
