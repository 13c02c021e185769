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
import { openKernels, type YoloOptions } from "../../../native/index.ts";
import { yolo as oracle } from "./javascript.ts";

const generic = openKernels([]);

function randomCall(random: Random) {
  const Class = pick(random, VALUE_CLASSES);
  const options: YoloOptions = {
    layout: pick(random, ["columns", "rows"]),
    boxes: pick(random, AWKWARD),
    classes: pick(random, [1, 2, 3, 7, 17, 33]),
    scoreMin: pick(random, [-0.1, 0, 0.3, 0.5, 0.9]),
    limit: pick(random, [1, 7, 1_000]),
    nms: pick(random, [undefined, { iouMax: 0.3 }, { iouMax: 0.5, acrossClasses: true }]),
    quantization: quantizationOf(Class),
  };
  const values = options.classes + (options.layout === "rows" ? 5 : 4);
  const output = randomValues(random, Class, options.boxes * values, pick(random, [0, 0.05]));
  return { output, options };
}

describe.each(runnable("yolo"))("yolo, %s", (_, kernels) => {
  test("equals a plain loop (seed 41)", async () => {
    const random = randomFrom(41);
    for (let i = 0; i < ROUNDS; i++) {
      const { options, output } = randomCall(random);
      expect(await kernels.yolo(output, options), JSON.stringify(options)).toEqual(oracle(output, options));
    }
  });

  test("does the same for several calls at once (seed 42)", async () => {
    const random = randomFrom(42);
    const calls = Array.from({ length: 20 }, () => randomCall(random));
    const found = await Promise.all(calls.map(({ options, output }) => kernels.yolo(output, options)));
    expect(found).toEqual(calls.map(({ options, output }) => oracle(output, options)));
  });

  test.each(AWKWARD)("of %i equal classes the first one wins", async (classes) => {
    const options = { boxes: 1, classes, scoreMin: 0.5, limit: 1 } as const;
    for (const layout of ["rows", "columns"] as const) {
      const output = new Float32Array(classes + (layout === "rows" ? 5 : 4)).fill(1);
      const { classIds } = await kernels.yolo(output, { ...options, layout });
      expect([...classIds]).toEqual([0]);
    }
  });
});

test("rows: an objectness below the threshold is none, whatever the class says", async () => {
  const output = Float32Array.of(20, 20, 10, 10, 0.4, 9, 40, 40, 10, 20, 0.8, 0.5);
  const options = { layout: "rows", boxes: 2, classes: 1, scoreMin: 0.4, limit: 9 } as const;
  const { scores } = await generic.yolo(output, { ...options, scoreMin: 0.41 });
  expect(scores).toHaveLength(0);
  const { boxes } = await generic.yolo(output, { ...options, scoreMin: 0.3 });
  expect([...boxes.subarray(4)]).toEqual([35, 30, 45, 50]);
});

test.each(["rows", "columns"] as const)("%s: no boxes at all", async (layout) => {
  const options = { layout, boxes: 0, classes: 2, scoreMin: 0, limit: 9, nms: { iouMax: 0.5 } };
  const { classIds } = await generic.yolo(new Float32Array(), options);
  expect(classIds).toHaveLength(0);
});

test("columns of int8: real numbers come out", async () => {
  const output = Int8Array.of(0, 0, 4, 4, 10, -128);
  const quantization = { scale: 0.5, zeroPoint: -10 };
  const options = { layout: "columns", boxes: 1, classes: 2, scoreMin: 1, limit: 9, quantization } as const;
  expect(await generic.yolo(output, options)).toEqual({
    classIds: Uint32Array.of(0),
    scores: Float32Array.of(10),
    boxes: Float32Array.of(1.5, 1.5, 8.5, 8.5),
  });
});

describe("refuses with ERR_ADDON_ARGUMENT:", () => {
  const output = new Float32Array(6 * 3);
  const good = { layout: "columns", boxes: 3, classes: 2, scoreMin: 0.5, limit: 9 };
  test.each<[string, unknown, unknown, RegExp]>([
    ["no options", output, undefined, /options/],
    ["an unknown layout", output, { ...good, layout: "anchors" }, /layout/],
    ["half a box", output, { ...good, boxes: 2.5 }, /boxes/],
    ["too many boxes", output, { ...good, boxes: 2 ** 25 }, /boxes/],
    ["no classes", output, { ...good, classes: 0 }, /classes/],
    ["the wrong layout", output, { ...good, layout: "rows" }, /output/],
    ["a value too few", output.subarray(1), good, /output/],
    ["an output of another class", new Uint16Array(18), good, /output/],
    ["an endless threshold", output, { ...good, scoreMin: -Infinity }, /scoreMin/],
    ["a limit above a thousand", output, { ...good, limit: 1_001 }, /limit/],
    ["a suppression without a limit", output, { ...good, nms: {} }, /nms.iouMax/],
    ["a suppression that is a number", output, { ...good, nms: 0.5 }, /nms/],
    ["integers without a scale", new Int8Array(18), good, /quantization/],
  ])("%s", (_, given, options, words) => expectRefusal(generic, "yolo", [given, options], words));
});
