import { describe, expect, test } from "vitest";
import { AWKWARD, expectRefusal, ROUNDS } from "../../../../test/support/kernel-tests.ts";
import { randomFrom } from "../../../../test/support/models.ts";
import { runnable } from "../../../../test/support/runnable-variants.ts";
import { type Kernels, openKernels, type QuantizeOptions } from "../../../native/index.ts";
import { dequantize, floatOf, quantize, toFloat16 } from "./javascript.ts";

type Random = () => number;
type Steps = Int8Array | Uint8Array;
const STEP_TYPES = [Int8Array, Uint8Array] as const;
const generic = openKernels([]);

const bitsOf = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer, 0, values.length);
const floatsOf = (bits: Uint32Array): Float32Array => new Float32Array(bits.buffer);

async function toHalves(kernels: Kernels, values: Float32Array): Promise<Uint16Array> {
  const halves = new Uint16Array(values.length);
  await kernels.toFloat16(values, halves);
  return halves;
}

async function toFloats(kernels: Kernels, halves: Uint16Array): Promise<Float32Array> {
  const values = new Float32Array(halves.length);
  await kernels.toFloat32(halves, values);
  return values;
}

const ALL_HALVES = Uint16Array.from({ length: 65_536 }, (_, half) => half);
const INFINITE = 0x7c00;

describe.each(runnable("convert"))("float16, %s", (_, kernels) => {
  test("each of the 65,536 is the number that its bits say", async () => {
    const wanted = Float32Array.from(ALL_HALVES, floatOf);
    const bits = bitsOf(wanted);
    for (const half of ALL_HALVES) {
      const fraction = half & 0x3ff;
      if ((half & INFINITE) !== INFINITE || fraction === 0) continue;
      bits[half] = ((half & 0x8000) << 16) | 0x7fc00000 | (fraction << 13);
    }
    expect(bitsOf(await toFloats(kernels, ALL_HALVES))).toEqual(bits);
  });

  test("and comes back as it was, NaNs quiet", async () => {
    expect(await toHalves(kernels, await toFloats(generic, ALL_HALVES))).toEqual(
      ALL_HALVES.map((half) => ((half & 0x7fff) > INFINITE ? half | 0x200 : half)),
    );
  });

  test.each(["", "-"])(
    "between any two %sneighbours the nearer wins, and in the middle the even one",
    async (sign) => {
      const [values, wanted] = middles(sign === "-" ? 0x8000 : 0);
      expect(await toHalves(kernels, values)).toEqual(wanted);
    },
  );

  test("any bits at all (seed 31)", async () => {
    const random = randomFrom(31);
    const bits = Uint32Array.from({ length: ROUNDS * 100 }, () => random() * 2 ** 32);
    const wanted = new Uint16Array(bits.length);
    toFloat16(floatsOf(bits), wanted);
    // JavaScript may change a NaN's payload on the way.
    bits.forEach((whole, i) => {
      if ((whole & 0x7fffffff) > 0x7f800000)
        wanted[i] = ((whole >>> 16) & 0x8000) | 0x7e00 | ((whole >>> 13) & 0x3ff);
    });
    expect(await toHalves(kernels, floatsOf(bits))).toEqual(wanted);
  });

  test("the least and the greatest floats", async () => {
    const values = [
      0,
      -0,
      2 ** -149,
      -(2 ** -149),
      2 ** -126,
      2 ** -25,
      2 ** -24,
      65_504,
      65_519.996,
      65_520,
    ];
    const more = [3.4e38, -3.4e38, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    expect([...(await toHalves(kernels, Float32Array.from([...values, ...more])))]).toEqual([
      ...[0, 0x8000, 0, 0x8000, 0, 0, 1, 0x7bff, 0x7bff, INFINITE],
      ...[INFINITE, 0xfc00, INFINITE, 0xfc00],
    ]);
  });

  test("awkward lengths and places, and nothing beside them", async () => {
    for (const length of [0, ...AWKWARD]) {
      const values = Float32Array.from({ length: length + 1 }, (_, i) => i / 3).subarray(1);
      const halves = new Uint16Array(length + 4).fill(9);
      await kernels.toFloat16(values, halves.subarray(3, 3 + length));
      expect([...halves]).toEqual([9, 9, 9, ...(await toHalves(generic, values)), 9]);
      const back = new Float32Array(length + 2).fill(9);
      await kernels.toFloat32(halves.subarray(3, 3 + length), back.subarray(1, 1 + length));
      expect([...back]).toEqual([9, ...(await toFloats(generic, halves.subarray(3, 3 + length))), 9]);
    }
  });
});

/** The middle between each two finite float16 neighbours, and the float32 numbers beside it. */
function middles(sign: number): [values: Float32Array, wanted: Uint16Array] {
  const bits = new Uint32Array(INFINITE * 3);
  const wanted = new Uint16Array(bits.length);
  const middle = new Float32Array(1);
  for (let half = 0; half < INFINITE; half++) {
    // Infinity stands where the next power of two would.
    const next = half + 1 === INFINITE ? 65_536 : floatOf(half + 1);
    middle[0] = (floatOf(half) + next) / 2;
    const at = (bitsOf(middle)[0] as number) + sign * 65_536;
    bits.set([at - 1, at, at + 1], half * 3);
    wanted.set(
      [half, half + (half % 2), half + 1].map((one) => one + sign),
      half * 3,
    );
  }
  return [floatsOf(bits), wanted];
}

/** Mostly within the range of the steps, halves often, and now and then something special. */
function randomValue(random: Random, scale: number): number {
  const kind = random();
  if (kind < 0.03) return Number.NaN;
  if (kind < 0.06) return (random() < 0.5 ? -1 : 1) * Number.POSITIVE_INFINITY;
  if (kind < 0.1) return (random() - 0.5) * 1e38;
  if (kind < 0.4) return (Math.floor(random() * 600 - 300) + 0.5) * scale;
  return (random() * 600 - 300) * scale;
}

function randomCase(random: Random, round: number, Type: (typeof STEP_TYPES)[number]) {
  const low = Type === Int8Array ? -128 : 0;
  const channels = round % 3 === 0 ? 1 : 1 + Math.floor(random() * 7);
  const inner = AWKWARD[round % AWKWARD.length] as number;
  const scales = Array.from({ length: channels }, () =>
    random() < 0.5 ? 2 ** Math.floor(random() * 9 - 6) : Math.fround(random() + 1e-3),
  );
  const zeroPoints = scales.map(() => low + Math.floor(random() * 256));
  const options: QuantizeOptions = { scales, zeroPoints, inner };
  const length = channels * inner * Math.floor(random() * 4);
  const values = Float32Array.from({ length }, (_, i) =>
    randomValue(random, scales[Math.floor(i / inner) % channels] as number),
  );
  const steps = new Type(length);
  for (let i = 0; i < length; i++) steps[i] = low + Math.floor(random() * 256);
  return { values, steps, options };
}

async function quantized(
  kernels: Kernels,
  values: Float32Array,
  options: QuantizeOptions,
  like: Steps,
): Promise<Steps> {
  const steps = like.slice().fill(77);
  await kernels.quantize(values, options, steps);
  return steps;
}

async function dequantized(kernels: Kernels, steps: Steps, options: QuantizeOptions): Promise<Float32Array> {
  const values = new Float32Array(steps.length).fill(77);
  await kernels.dequantize(steps, options, values);
  return values;
}

describe.each(runnable("convert"))("quantization, %s", (_, kernels) => {
  test.each(STEP_TYPES.map((Type) => [Type.name, Type] as const))(
    "equals double precision, %s (seed 32)",
    async (_name, Type) => {
      const random = randomFrom(32);
      for (let round = 0; round < ROUNDS * 2; round++) {
        const { options, steps, values } = randomCase(random, round, Type);
        const [wantedSteps, wantedValues] = [steps.slice(), values.slice()];
        quantize(values, options, wantedSteps);
        dequantize(steps, options, wantedValues);
        expect(await quantized(kernels, values, options, steps), JSON.stringify(options)).toEqual(
          wantedSteps,
        );
        expect(await dequantized(kernels, steps, options), JSON.stringify(options)).toEqual(wantedValues);
      }
    },
  );

  test("every step of a scale survives, halves go to the even step, the rest is cut", async () => {
    const steps = Int8Array.from({ length: 256 }, (_, i) => i - 128);
    const options = { scales: [0.1], zeroPoints: [-7] };
    expect(await quantized(kernels, await dequantized(kernels, steps, options), options, steps)).toEqual(
      steps,
    );
    const halves = Float32Array.of(
      0.5,
      1.5,
      2.5,
      -0.5,
      -1.5,
      254.5,
      255.5,
      -0.6,
      -0,
      1e30,
      -1e30,
      0.49999997,
    );
    const wanted = Uint8Array.of(0, 2, 2, 0, 0, 254, 255, 0, 0, 255, 0, 0);
    expect(await quantized(kernels, halves, { scales: [1], zeroPoints: [0] }, wanted)).toEqual(wanted);
  });

  test("NaN is the zero point, infinities are the ends", async () => {
    const values = new Float32Array(36).fill(Number.NaN);
    values.fill(Number.POSITIVE_INFINITY, 33).fill(Number.NEGATIVE_INFINITY, 35);
    const wanted = new Int8Array(36).fill(-3).fill(127, 33).fill(-128, 35);
    expect(await quantized(kernels, values, { scales: [1e-38], zeroPoints: [-3] }, wanted)).toEqual(wanted);
  });

  test.each([
    [1, 5_000],
    [3, 1_500],
    [2_000, 1],
    [700, 3],
  ])("%i channels of %i elements go over several runs (seed 33)", async (channels, inner) => {
    const random = randomFrom(33);
    const scales = Array.from({ length: channels }, () => random() + 0.01);
    const options = { scales, zeroPoints: scales.map((_, i) => i % 100), inner };
    const values = Float32Array.from({ length: channels * inner * 2 }, () => random() * 300 - 150);
    const wanted = new Uint8Array(values.length);
    quantize(values, options, wanted);
    expect(await quantized(kernels, values, options, wanted)).toEqual(wanted);
    const back = new Float32Array(values.length);
    dequantize(wanted, options, back);
    expect(await dequantized(kernels, wanted, options)).toEqual(back);
  });

  test("nothing beside the target is written", async () => {
    const steps = new Uint8Array(45).fill(9);
    await kernels.quantize(new Float32Array(43), { scales: [1], zeroPoints: [1] }, steps.subarray(1, 44));
    expect([steps[0], steps[1], steps[43], steps[44]]).toEqual([9, 1, 1, 9]);
  });
});

test("conversions of the best variants give the same as generic", async () => {
  const kernels = openKernels();
  const values = Float32Array.from({ length: 100 }, (_, i) => i / 7);
  const options = { scales: [0.1, 0.2], zeroPoints: [3, 4], inner: 5 };
  const [halves, floats] = [new Uint16Array(100), new Float32Array(100)];
  const [steps, back] = [new Int8Array(100), new Float32Array(100)];
  await kernels.toFloat16(values, halves);
  await kernels.toFloat32(halves, floats);
  await kernels.quantize(values, options, steps);
  await expect(kernels.dequantize(steps, options, back)).resolves.toBeUndefined();
  expect(halves).toEqual(await toHalves(generic, values));
  expect(floats).toEqual(await toFloats(generic, halves));
  expect(steps).toEqual(await quantized(generic, values, options, steps));
  expect(back).toEqual(await dequantized(generic, steps, options));
});

describe("what the conversions refuse", () => {
  const kernels = openKernels();
  const values = new Float32Array(12).fill(5);
  const good = { scales: [1, 2], zeroPoints: [0, 0], inner: 3 };

  test.each([
    ["toFloat16", "values must be", [[1], new Uint16Array(1)]],
    ["toFloat16", "values must be", [undefined, undefined]],
    ["toFloat16", "halves must be", [values, new Int16Array(12)]],
    ["toFloat16", "values and halves must have", [values, new Uint16Array(11)]],
    ["toFloat32", "halves must be", [values, values]],
    ["toFloat32", "values must be", [new Uint16Array(12), new Float64Array(12)]],
    ["toFloat32", "values and halves must have", [new Uint16Array(13), values]],
  ] as const)("%s: %s", (method, words, args) => expectRefusal(kernels, method, args, words));

  const BAD: [string, unknown][] = [
    ["options must be an object", undefined],
    ["options.scales must be", {}],
    ["options.scales must be", { ...good, scales: [] }],
    ["options.scales must be", { ...good, scales: 1 }],
    ["options.scales must be", { ...good, scales: [1, 0] }],
    ["options.scales must be", { ...good, scales: [1, -1] }],
    ["options.scales must be", { ...good, scales: [1, 1e39] }],
    ["options.scales must be", { ...good, scales: [1, 1e-46] }],
    ["options.scales must be", { ...good, scales: [1, Number.NaN] }],
    ["options.scales must be", { ...good, scales: [1, "2"] }],
    ["options.scales must be", { ...good, scales: new Array(65_537).fill(1) }],
    ["options.zeroPoints must be", { ...good, zeroPoints: [0] }],
    ["options.zeroPoints must be", { ...good, zeroPoints: [0, 0.5] }],
    ["options.zeroPoints must be", { ...good, zeroPoints: [0, 256] }],
    ["options.zeroPoints must be", { ...good, zeroPoints: [0, 128] }],
    ["options.inner must be", { ...good, inner: 0 }],
    ["options.inner must be", { ...good, inner: 1.5 }],
    ["options.inner must be", { ...good, inner: 2 ** 50 }],
    ["values must be whole groups", { ...good, inner: 4 }],
    ["values must be whole groups", { ...good, inner: 2 ** 40 }],
  ];

  test.each(BAD)("quantize and dequantize: %s (%#)", async (words, options) => {
    const steps = new Int8Array(12).fill(5);
    await expectRefusal(kernels, "quantize", [values, options, steps], words);
    await expectRefusal(kernels, "dequantize", [steps, options, values], words);
    expect([...steps, ...values]).toEqual(new Array(24).fill(5));
  });

  test("arrays of the wrong type or length", async () => {
    const steps = new Uint8Array(12);
    const refused = (method: "quantize" | "dequantize", from: unknown, to: unknown, words: string) =>
      expectRefusal(kernels, method, [from, good, to], words);
    await refused("quantize", steps, steps, "values must be a Float32Array");
    await refused("quantize", values, values, "steps must be an Int8Array or a Uint8Array");
    await refused("quantize", values, steps.subarray(1), "values and steps must have the same length");
    await refused("dequantize", values, values, "steps must be an Int8Array or a Uint8Array");
    await refused("dequantize", steps, new Float64Array(12), "values must be a Float32Array");
    await refused(
      "dequantize",
      new Uint8ClampedArray(12),
      values,
      "steps must be an Int8Array or a Uint8Array",
    );
    const negative = { ...good, zeroPoints: [0, -1] };
    await expectRefusal(kernels, "quantize", [values, negative, steps], "options.zeroPoints must be");
  });
});
