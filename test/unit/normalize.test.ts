import { describe, expect, test } from "vitest";
import { type NormalizeOptions, normalize } from "../../runtime/arm-neon/index.ts";
import { randomFrom } from "../support/models.ts";

/** The kernel in plain TypeScript, rounding to float32 after each step as the kernel does. */
function twin(pixels: Uint8Array, o: NormalizeOptions, target: Float32Array, targetOffset: number): void {
  const out = o.channels === 1 ? 1 : 3;
  for (let y = 0; y < o.height; y++) {
    for (let x = 0; x < o.width; x++) {
      for (let c = 0; c < out; c++) {
        const from = out === 3 && o.swapRedBlue ? 2 - c : c;
        const value = pixels[y * o.strideBytes + x * o.channels + from] ?? Number.NaN;
        const scaled = Math.fround(value * (o.scale[c] ?? 0));
        const place = o.planar ? (c * o.height + y) * o.width + x : (y * o.width + x) * out + c;
        target[targetOffset + place] = scaled + (o.offset[c] ?? 0);
      }
    }
  }
}

const scale = Float32Array.of(1 / 58.395, 1 / 57.12, 1 / 57.375);
const offset = Float32Array.of(-2.1179, -2.0357, -1.8044);
const widths = [1, 2, 3, 7, 15, 16, 17, 31, 64, 129];

describe("normalize equals its twin bit for bit (seed 7)", () => {
  for (const channels of [1, 3, 4] as const) {
    for (const planar of [true, false]) {
      for (const swapRedBlue of [true, false]) {
        test(`${channels} channels, ${planar ? "planar" : "interleaved"}, swap ${swapRedBlue}`, () => {
          const random = randomFrom(7);
          for (const width of widths) {
            for (const [height, padding] of [
              [1, 0],
              [3, 0],
              [5, 1],
              [2, 13],
            ] as const) {
              const strideBytes = width * channels + padding;
              // The last row has no padding: the kernel must not touch what would lie behind it.
              const pixels = Uint8Array.from(
                { length: strideBytes * height - padding },
                () => random() * 256,
              );
              const options = { width, height, channels, strideBytes, swapRedBlue, planar, scale, offset };
              const start = Math.floor(random() * 5);
              const length = start + width * height * (channels === 1 ? 1 : 3) + 3;
              const ours = new Float32Array(length).fill(-99);
              const theirs = ours.slice();
              normalize(pixels, options, ours, start);
              twin(pixels, options, theirs, start);
              expect(Buffer.from(ours.buffer)).toEqual(Buffer.from(theirs.buffer));
            }
          }
        });
      }
    }
  }
});

describe("normalize refuses with ERR_ADDON_ARGUMENT and writes nothing", () => {
  const good = {
    width: 4,
    height: 2,
    channels: 3,
    strideBytes: 12,
    swapRedBlue: false,
    planar: true,
    scale,
    offset,
  };
  const pixels = new Uint8Array(24);
  const cases: [string, unknown, object, unknown, unknown][] = [
    ["too few pixels", new Uint8Array(23), good, new Float32Array(24), 0],
    ["pixels of another class", new Uint16Array(24), good, new Float32Array(24), 0],
    ["a target that is too small", pixels, good, new Float32Array(23), 0],
    ["a start behind the target", pixels, good, new Float32Array(24), 25],
    ["a start that leaves too little", pixels, good, new Float32Array(24), 1],
    ["a negative start", pixels, good, new Float32Array(24), -1],
    ["a target of another class", pixels, good, new Float64Array(24), 0],
    ["two channels", pixels, { ...good, channels: 2 }, new Float32Array(24), 0],
    ["a stride below the row", pixels, { ...good, strideBytes: 11 }, new Float32Array(24), 0],
    ["no width", pixels, { ...good, width: 0 }, new Float32Array(24), 0],
    ["an endless height", pixels, { ...good, height: Number.POSITIVE_INFINITY }, new Float32Array(24), 0],
    ["a width that is text", pixels, { ...good, width: "4" }, new Float32Array(24), 0],
    ["two factors", pixels, { ...good, scale: new Float32Array(2) }, new Float32Array(24), 0],
    ["no options", pixels, null as unknown as object, new Float32Array(24), 0],
  ];
  test.each(cases)("%s", (_, source, options, target, start) => {
    const call = normalize as (...args: unknown[]) => void;
    expect(() => call(source, options, target, start)).toThrow(
      expect.objectContaining({ code: "ERR_ADDON_ARGUMENT" }),
    );
    expect((target as Float32Array).every((value) => value === 0)).toBe(true);
  });
});
