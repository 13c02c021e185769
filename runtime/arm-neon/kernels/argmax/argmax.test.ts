import { describe, expect, test } from "vitest";
import {
  AWKWARD,
  expectRefusal,
  pick,
  type Random,
  ROUNDS,
  randomValues,
  VALUE_CLASSES,
} from "../../../../test/support/kernel-tests.ts";
import { randomFrom } from "../../../../test/support/models.ts";
import { runnable } from "../../../../test/support/runnable-variants.ts";
import { openKernels } from "../../../native/index.ts";
import { argmax as oracle } from "./javascript.ts";

const generic = openKernels([]);

function randomCall(random: Random) {
  const [pixels, classes] = [pick(random, AWKWARD), pick(random, [1, 2, 3, 7, 21])];
  const Class = pick(random, VALUE_CLASSES);
  return { logits: randomValues(random, Class, classes * pixels, 0.1), classes, pixels };
}

function oracleMap({ classes, logits, pixels }: ReturnType<typeof randomCall>): Uint8Array {
  const map = new Uint8Array(pixels);
  oracle(logits, { classes }, map);
  return map;
}

describe.each(runnable("argmax"))("argmax, %s", (_, kernels) => {
  test("equals a plain loop, and stays within its map (seed 61)", async () => {
    const random = randomFrom(61);
    for (let i = 0; i < ROUNDS; i++) {
      const call = randomCall(random);
      const room = new Uint8Array(call.pixels + 2).fill(77);
      await kernels.argmax(call.logits, call, room.subarray(1, -1));
      expect([...room], `${call.classes} × ${call.pixels}`).toEqual([77, ...oracleMap(call), 77]);
    }
  });

  test("does the same for several calls at once (seed 62)", async () => {
    const random = randomFrom(62);
    const calls = Array.from({ length: 20 }, () => randomCall(random));
    const maps = calls.map(({ pixels }) => new Uint8Array(pixels));
    await Promise.all(calls.map((c, i) => kernels.argmax(c.logits, c, maps[i] ?? new Uint8Array())));
    expect(maps).toEqual(calls.map(oracleMap));
  });

  test("of 256 classes the last one can win", async () => {
    for (const Class of VALUE_CLASSES) {
      const logits = new Class(256 * 40);
      logits.fill(1, 255 * 40);
      const map = new Uint8Array(40);
      await kernels.argmax(logits, { classes: 256 }, map);
      expect(map).toEqual(new Uint8Array(40).fill(255));
    }
  });
});

test("of equal logits the first class wins, and NaN never does", async () => {
  const map = new Uint8Array(3);
  await generic.argmax(Float32Array.of(2, Number.NaN, Number.NaN, 2, -1, Number.NaN), { classes: 2 }, map);
  expect([...map]).toEqual([0, 1, 0]);
});

describe("refuses with ERR_ADDON_ARGUMENT and writes nothing:", () => {
  const logits = new Float32Array(12).fill(1);
  const both = new Uint8Array(20);
  test.each<[string, unknown, unknown, unknown, RegExp]>([
    ["no options", logits, undefined, new Uint8Array(4), /options/],
    ["no classes", logits, { classes: 0 }, new Uint8Array(4), /classes/],
    ["too many classes", logits, { classes: 257 }, new Uint8Array(4), /classes/],
    ["logits of another class", new Int16Array(12), { classes: 3 }, new Uint8Array(4), /logits/],
    ["a map of another class", logits, { classes: 3 }, new Uint8ClampedArray(4), /classMap/],
    ["a map that is too small", logits, { classes: 3 }, new Uint8Array(3), /classMap/],
    ["logits of part of a class", logits, { classes: 5 }, new Uint8Array(2), /logits/],
    ["a map over its logits", both.subarray(0, 12), { classes: 3 }, both.subarray(11, 15), /over logits/],
  ])("%s", async (_, given, options, map, words) => {
    await expectRefusal(generic, "argmax", [given, options, map], words);
    expect((map as Uint8Array).every((value) => value === 0)).toBe(true);
  });
});
