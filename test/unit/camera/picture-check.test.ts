import { expect, test } from "vitest";
import { gstLayout, lumaOf, type RawFormat } from "../../../services/camera/layout.ts";
import { PictureCheck } from "../../../services/camera/reader/picture-check.ts";
import { randomFrom } from "../../support/models.ts";

const shape = (format: RawFormat) => gstLayout({ format, width: 161, height: 121 });
const random = randomFrom(1);

function picture(format: RawFormat, level: () => number) {
  const layout = shape(format);
  return { bytes: Uint8Array.from({ length: layout.bytes }, level), luma: lumaOf(layout) };
}

const noise = (low: number, high: number) => () => low + random() * (high - low);

function lookFor(frames: number, make: (n: number) => ReturnType<typeof picture>, sharpnessMin?: number) {
  const check = new PictureCheck({ frames: 3, sharpnessMin });
  return Array.from({ length: frames }, (_, n) => {
    const { bytes, luma } = make(n);
    return check.look(bytes, luma).join();
  });
}

test.each<RawFormat>(["rgb", "gray8", "nv12", "yuy2"])("a lively picture of %s has no fault", (format) => {
  expect(lookFor(4, () => picture(format, noise(60, 180)), 100)).toEqual(["", "", "", ""]);
});

test.each<[string, () => number]>([
  ["black", noise(0, 20)],
  ["blown-out", noise(240, 255)],
])("a %s picture is noticed once it has lasted", (fault, level) => {
  expect(lookFor(4, () => picture("gray8", level))).toEqual(["", "", fault, fault]);
});

test("the same picture again and again is frozen, and in order with the first that differs", () => {
  const same = picture("nv12", noise(60, 180));
  const other = picture("nv12", noise(60, 180));
  expect(lookFor(6, (n) => (n < 5 ? same : other))).toEqual(["", "", "", "frozen", "frozen", ""]);
});

test("a picture without detail is blurred where that is looked for", () => {
  const flat = () => picture("gray8", noise(99, 101));
  expect(lookFor(3, flat, 50).at(-1)).toBe("blurred");
  expect(lookFor(3, flat).at(-1)).toBe("");
});

test("of an encoded picture it is known only whether it is the same", () => {
  const check = new PictureCheck({ frames: 2 });
  const jpeg = Uint8Array.from({ length: 5_000 }, noise(0, 255));
  const looks = [0, 1, 2].map(() => check.look(jpeg, undefined).join());
  expect(looks).toEqual(["", "", "frozen"]);
  expect(check.look(jpeg.subarray(0, 4_999), undefined)).toEqual([]);
});
