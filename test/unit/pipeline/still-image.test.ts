import { readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import { decodeStill, type StillTarget } from "../../../runtime/pipeline/still-image.ts";

const SAMPLE = join(import.meta.dirname, "../../../models/zoo/pcb-aoi/samples/images/00041207.jpg");
const target = (given: Partial<StillTarget> = {}): StillTarget => ({
  width: 64,
  height: 64,
  color: "gray",
  resize: "letterbox",
  padValue: 7,
  ...given,
});

const plain = (width: number, height: number, channels: 3 | 4 = 3) =>
  sharp({
    limitInputPixels: false,
    create: { width, height, channels, background: { r: 200, g: 100, b: 50, alpha: 1 } },
  });

test("a grey board comes as it is, pixel for pixel", async () => {
  const bytes = await readFile(SAMPLE);
  const { pixels, source } = await decodeStill(bytes, target({ width: 640, height: 640 }));
  const rgb = await sharp(bytes).toColourspace("srgb").raw().toBuffer();
  const wanted = rgb.filter((_, i) => i % 3 === 0);
  expect(source).toEqual({ width: 640, height: 640 });
  expect([pixels.width, pixels.height, pixels.format]).toEqual([640, 640, "gray8"]);
  expect(Buffer.compare(Buffer.from(pixels.bytes), wanted)).toBe(0);
});

test("letterbox pads with the grey asked for, and stretch does not", async () => {
  const png = await plain(64, 32).png().toBuffer();
  const boxed = await decodeStill(png, target({ color: "rgb" }));
  expect([...boxed.pixels.bytes.subarray(0, 3)]).toEqual([7, 7, 7]);
  const middle = (32 * 64 + 32) * 3;
  expect([...boxed.pixels.bytes.subarray(middle, middle + 3)]).toEqual([200, 100, 50]);
  const stretched = await decodeStill(png, target({ color: "rgb", resize: "stretch" }));
  expect([...stretched.pixels.bytes.subarray(0, 3)]).toEqual([200, 100, 50]);
});

test.each([
  ["grey from colour", () => plain(64, 64).png().toBuffer(), "gray", 1],
  ["colour from grey", () => plain(64, 64).greyscale().png().toBuffer(), "rgb", 3],
  ["colour without its alpha", () => plain(64, 64, 4).png().toBuffer(), "rgb", 3],
  ["8 bits from 16", () => plain(64, 64).toColourspace("rgb16").png().toBuffer(), "rgb", 3],
  ["a palette", () => plain(64, 64).png({ palette: true }).toBuffer(), "rgb", 3],
  ["CMYK", () => plain(64, 64).toColourspace("cmyk").jpeg().toBuffer(), "rgb", 3],
  ["WebP", () => plain(64, 64).webp().toBuffer(), "gray", 1],
] as const)("%s", async (_, make, color, channels) => {
  const { pixels } = await decodeStill(await make(), target({ color }));
  expect(pixels.format).toBe(channels === 1 ? "gray8" : "rgb24");
  expect(pixels.bytes.byteLength).toBe(64 * 64 * channels);
});

const half = async (bytes: Promise<Buffer>) => (await bytes).subarray(0, (await bytes).length >> 1);

test.each<[string, () => Promise<Uint8Array>, string]>([
  ["no bytes", async () => new Uint8Array(), "ERR_IMAGE_EMPTY"],
  [
    "a text",
    async () => Buffer.from("this is a text, whatever its name says\n".repeat(100)),
    "ERR_IMAGE_FORMAT",
  ],
  ["half a JPEG", () => half(readFile(SAMPLE)), "ERR_IMAGE_TRUNCATED"],
  [
    "a JPEG without its last bytes",
    async () => (await readFile(SAMPLE)).subarray(0, -400),
    "ERR_IMAGE_TRUNCATED",
  ],
  ["half a PNG", () => half(sharp(SAMPLE).png().toBuffer()), "ERR_IMAGE_TRUNCATED"],
  ["the first bytes of a JPEG", async () => (await readFile(SAMPLE)).subarray(0, 10), "ERR_IMAGE_TRUNCATED"],
  ["1×1", () => plain(1, 1).png().toBuffer(), "ERR_IMAGE_SIZE"],
  ["a line", () => plain(640, 4).png().toBuffer(), "ERR_IMAGE_SIZE"],
  ["20,000×20,000", () => plain(20_000, 20_000).png({ compressionLevel: 1 }).toBuffer(), "ERR_IMAGE_SIZE"],
  ["too many pixels", () => plain(16_000, 5_000).png({ compressionLevel: 1 }).toBuffer(), "ERR_IMAGE_SIZE"],
])("%s is a typed error", async (_, make, code) => {
  await expect(decodeStill(await make(), target())).rejects.toMatchObject({ code });
});

test("of many that are torn at once, each is", async () => {
  const torn = await half(readFile(SAMPLE));
  const errors = await Promise.all(
    Array.from({ length: 200 }, () => decodeStill(torn, target()).catch((error: unknown) => error)),
  );
  for (const error of errors) expect(error).toMatchObject({ code: "ERR_IMAGE_TRUNCATED" });
});
