import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { randomFrom } from "../../../../test/support/models.ts";
import { preprocessOracle, quantized } from "../../../../test/support/preprocess-oracle.ts";
import { layOut, PIXEL_FORMATS } from "../../../../test/support/raw-images.ts";
import { repeats } from "../../../../test/support/repeats.ts";
import { runnable } from "../../../../test/support/runnable-variants.ts";
import { kernelVariants, openKernels, type PreprocessOptions, type Rect } from "../../../native/index.ts";

const generic = openKernels([]);
const ARRAYS = [Float32Array, Uint8Array, Int8Array] as const;
/** In grey levels: what `preprocess` promises for pictures that shrink up to 32 times. */
const TOLERANCE = 0.1;
const SCALE = { float: [1, 0.5, -2], int: [0.9, 1, 1.1] } as const;

type Random = () => number;
const upTo = (random: Random, most: number): number => 1 + Math.floor(random() * most);

function rectWithin(random: Random, width: number, height: number): Rect {
  if (random() < 0.3) return { left: 0, top: 0, width, height };
  const [left, top] = [upTo(random, width) - 1, upTo(random, height) - 1];
  return { left, top, width: upTo(random, width - left), height: upTo(random, height - top) };
}

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

/** A picture, what to make of it, and a tensor with room for two and some more. */
function randomCall(random: Random, widthMax: number) {
  const sizes = [1, 2, 3, 7, 8, 15, 16, 17, 31, 33, upTo(random, widthMax)];
  const [width, height] = [pick(random, sizes), upTo(random, 24)];
  const { bytes, source } = layOut(pick(random, PIXEL_FORMATS), width, height, pick(random, [0, 1, 3, 13]));
  const pixels = Uint8Array.from({ length: bytes }, () => random() * 256);
  const [targetWidth, targetHeight] = [pick(random, sizes), upTo(random, 20)];
  const TensorArray = pick(random, ARRAYS);
  const options: PreprocessOptions = {
    source: { ...source, matrix: pick(random, ["bt601", "bt709"]), range: pick(random, ["limited", "full"]) },
    crop: rectWithin(random, width, height),
    target: {
      layout: pick(random, ["NCHW", "NHWC"]),
      color: pick(random, ["gray", "rgb", "bgr"]),
      width: targetWidth,
      height: targetHeight,
      place: rectWithin(random, targetWidth, targetHeight),
      pad: 114,
      scale: TensorArray === Float32Array ? SCALE.float : SCALE.int,
      offset: TensorArray === Int8Array ? [-128, -128, -120] : [-2.5, 0, 3],
    },
  };
  const length = targetWidth * targetHeight * (options.target.color === "gray" ? 1 : 3);
  return { pixels, options, length, make: () => new TensorArray(length * 2 + 5).fill(77) };
}

const bytesOf = (array: ArrayBufferView): Buffer =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength);

describe.each(runnable("preprocess"))("preprocess, %s", (_, kernels) => {
  test("equals its generic twin bit for bit, and stays within its slot (seed 11)", async () => {
    const random = randomFrom(11);
    for (let i = 0; i < repeats(600); i++) {
      const { length, make, options, pixels } = randomCall(random, 90);
      const [ours, theirs] = [make(), make()];
      const start = Math.floor(random() * 4);
      await kernels.preprocess(pixels, options, ours, start + length);
      await generic.preprocess(pixels, options, theirs, start + length);
      expect(bytesOf(ours).equals(bytesOf(theirs)), JSON.stringify(options)).toBe(true);
      expect(ours.subarray(0, start + length).every((v) => v === 77)).toBe(true);
      expect(ours.subarray(start + 2 * length).every((v) => v === 77)).toBe(true);
    }
  });

  test(`is within ${TOLERANCE} grey levels of exact arithmetic (seed 12)`, async () => {
    const random = randomFrom(12);
    for (let i = 0; i < repeats(300); i++) {
      const { length, make, options, pixels } = randomCall(random, 60);
      const ours = make();
      await kernels.preprocess(pixels, options, ours, 0);
      const exact = preprocessOracle(pixels, options);
      for (let k = 0; k < length; k++) {
        const [got, value] = [ours[k] ?? Number.NaN, exact[k] ?? Number.NaN];
        if (ours instanceof Float32Array) {
          if (!(Math.abs(got - value) <= TOLERANCE * 2)) expect(got, JSON.stringify(options)).toBe(value);
          continue;
        }
        const [low, high] = ours instanceof Int8Array ? [-128, 127] : [0, 255];
        const near = [quantized(value - 0.11, low, high), quantized(value + 0.11, low, high)];
        if (got < (near[0] ?? 0) || got > (near[1] ?? 0)) expect(got, JSON.stringify(options)).toBe(value);
      }
    }
  });

  test("does the same for several calls at once", async () => {
    const random = randomFrom(13);
    const calls = Array.from({ length: 20 }, () => randomCall(random, 60));
    const tensors = calls.map(({ make }) => make());
    await Promise.all(
      calls.map(({ options, pixels }, i) =>
        kernels.preprocess(pixels, options, tensors[i] ?? new Uint8Array(), 0),
      ),
    );
    for (const [i, { make, options, pixels }] of calls.entries()) {
      const wanted = make();
      await generic.preprocess(pixels, options, wanted, 0);
      expect(bytesOf(tensors[i] ?? wanted).equals(bytesOf(wanted))).toBe(true);
    }
  });
});

test(`real pictures are within ${TOLERANCE} grey levels of exact arithmetic, shrunk and enlarged`, async () => {
  const file = join(import.meta.dirname, "../../../../test/fixtures/pictures/bottles.jpg");
  const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
  const { height, width } = info;
  const { source } = layOut("rgb24", width, height);
  let worst = 0;
  for (const [w, h] of [
    [224, 224],
    [97, 33],
    [width + 60, 41],
    [20, height * 2 - 1],
    [width, height],
  ] as const) {
    const target: PreprocessOptions["target"] = {
      layout: "NCHW",
      color: "rgb",
      width: w,
      height: h,
      place: { left: 0, top: 0, width: w, height: h },
      pad: 0,
      scale: [1, 1, 1],
      offset: [0, 0, 0],
    };
    const options = { source, crop: { left: 0, top: 0, width, height }, target };
    const ours = new Float32Array(w * h * 3);
    await generic.preprocess(data, options, ours, 0);
    const exact = preprocessOracle(data, options);
    for (const [k, value] of exact.entries()) {
      worst = Math.max(worst, Math.abs(value - (ours[k] ?? Number.NaN)));
    }
  }
  expect(worst).toBeLessThan(TOLERANCE);
});

test("of one size and colour, pixels come through unchanged", async () => {
  const { bytes, source } = layOut("bgr24", 37, 5, 3);
  const pixels = Uint8Array.from({ length: bytes }, (_, i) => i * 7);
  const whole = { left: 0, top: 0, width: 37, height: 5 };
  const target: PreprocessOptions["target"] = {
    layout: "NHWC",
    color: "bgr",
    width: 37,
    height: 5,
    place: whole,
    pad: 0,
    scale: [1, 1, 1],
    offset: [0, 0, 0],
  };
  const tensor = new Uint8Array(37 * 5 * 3);
  await openKernels().preprocess(pixels, { source, crop: whole, target }, tensor, 0);
  for (let y = 0; y < 5; y++) {
    const row = pixels.subarray(y * (37 * 3 + 3), y * (37 * 3 + 3) + 37 * 3);
    expect([...tensor.subarray(y * 37 * 3, (y + 1) * 37 * 3)]).toEqual([...row]);
  }
});

describe("refuses with ERR_ADDON_ARGUMENT and writes nothing:", () => {
  const { bytes, source } = layOut("nv12", 5, 3, 1);
  const pixels = new Uint8Array(bytes);
  const good: PreprocessOptions = {
    source,
    crop: { left: 1, top: 0, width: 4, height: 3 },
    target: {
      layout: "NCHW",
      color: "rgb",
      width: 4,
      height: 2,
      place: { left: 0, top: 0, width: 4, height: 2 },
      pad: 0,
      scale: [1, 1, 1],
      offset: [1, 1, 1],
    },
  };
  const withSource = (given: object) => ({ ...good, source: { ...source, ...given } });
  const withTarget = (given: object) => ({ ...good, target: { ...good.target, ...given } });
  const cases: [string, unknown, unknown, unknown, unknown][] = [
    ["a byte too few", pixels.subarray(1), good, new Float32Array(24), 0],
    ["pixels of another class", new Uint16Array(99), good, new Float32Array(24), 0],
    ["a tensor that is too small", pixels, good, new Float32Array(23), 0],
    ["a tensor of another class", pixels, good, new Float64Array(24), 0],
    ["a start that leaves too little", pixels, good, new Float32Array(24), 1],
    ["a negative start", pixels, good, new Float32Array(24), -1],
    ["a start of half an element", pixels, good, new Float32Array(24), 0.5],
    ["no options", pixels, undefined, new Float32Array(24), 0],
    ["no crop", pixels, { ...good, crop: undefined }, new Float32Array(24), 0],
    ["an unknown format", pixels, withSource({ format: "rgb" }), new Float32Array(24), 0],
    ["no width", pixels, withSource({ width: 0 }), new Float32Array(24), 0],
    ["an endless height", pixels, withSource({ height: Number.POSITIVE_INFINITY }), new Float32Array(24), 0],
    ["a height that is text", pixels, withSource({ height: "3" }), new Float32Array(24), 0],
    ["a plane too few", pixels, withSource({ planes: [source.planes[0]] }), new Float32Array(24), 0],
    ["an unknown matrix", pixels, withSource({ matrix: "bt2020" }), new Float32Array(24), 0],
    ["no range", pixels, withSource({ range: undefined }), new Float32Array(24), 0],
    [
      "a stride below the row",
      pixels,
      withSource({ planes: source.planes.map((p) => ({ ...p, stride: 4 })) }),
      new Float32Array(24),
      0,
    ],
    [
      "an offset beyond the end",
      pixels,
      withSource({ planes: source.planes.map((p) => ({ ...p, offset: bytes })) }),
      new Float32Array(24),
      0,
    ],
    ["a crop that sticks out", pixels, { ...good, crop: { ...good.crop, left: 2 } }, new Float32Array(24), 0],
    [
      "a place that sticks out",
      pixels,
      withTarget({ place: { ...good.target.place, top: 1 } }),
      new Float32Array(24),
      0,
    ],
    ["an unknown colour", pixels, withTarget({ color: "hsv" }), new Float32Array(24), 0],
    ["an unknown layout", pixels, withTarget({ layout: "CHWN" }), new Float32Array(24), 0],
    ["a padding above white", pixels, withTarget({ pad: 256 }), new Float32Array(24), 0],
    ["two factors", pixels, withTarget({ scale: [1, 1] }), new Float32Array(24), 0],
    ["a factor beyond float32", pixels, withTarget({ scale: [1, 1, 1e300] }), new Float32Array(24), 0],
  ];
  const call = generic.preprocess.bind(generic) as (...args: unknown[]) => Promise<void>;

  test.each(cases)("%s", async (_, source, options, tensor, start) => {
    const typed = expect.objectContaining({ code: "ERR_ADDON_ARGUMENT" });
    await expect(call(source, options, tensor, start)).rejects.toEqual(typed);
    expect((tensor as Float32Array).every((value) => value === 0)).toBe(true);
  });

  test("a getter that detaches the pixels gets no freed memory read", async () => {
    const doomed = new Uint8Array(bytes);
    const options = {
      get source() {
        structuredClone(doomed.buffer, { transfer: [doomed.buffer] });
        return source;
      },
      crop: good.crop,
      target: good.target,
    };
    const refused = call(doomed, options, new Float32Array(24), 0);
    await expect(refused).rejects.toThrow("pixels ends before the last row");
  });

  test("what a getter throws is passed on at once", () => {
    const options = {
      get source() {
        throw new RangeError("mine");
      },
    };
    expect(() => call(pixels, options, new Float32Array(24), 0)).toThrow("mine");
  });
});

test("the list ends in generic, which needs nothing", () => {
  for (const variants of Object.values(kernelVariants())) {
    expect(variants.at(-1)).toEqual({ variant: "generic", needs: [] });
  }
});
