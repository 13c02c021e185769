import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { readMjpeg } from "../../../services/camera/reader/mjpeg.ts";
import { BOARD } from "../../support/bad-pictures.ts";
import { randomFrom } from "../../support/models.ts";
import { readFrames } from "../../support/reader-run.ts";

const shot = (level: number, options = {}) =>
  sharp({ create: { width: 64, height: 48, channels: 3, background: { r: level, g: 40, b: 90 } } })
    .jpeg(options)
    .toBuffer();

/** As cameras embed a small picture in the large one: an APP1 segment with a whole JPEG in it. */
function withThumbnail(jpeg: Buffer, thumbnail: Buffer): Buffer {
  const content = Buffer.concat([Buffer.from("Exif\0\0"), thumbnail]);
  const head = Buffer.from([0xff, 0xe1, (content.length + 2) >> 8, (content.length + 2) & 0xff]);
  return Buffer.concat([jpeg.subarray(0, 2), head, content, jpeg.subarray(2)]);
}

let shots: Buffer[] = [];
beforeAll(async () => {
  const [first, second, progressive, restarts, board] = await Promise.all([
    shot(10),
    shot(200),
    sharp(BOARD).resize(200).jpeg({ progressive: true }).toBuffer(),
    sharp(BOARD).resize(100).jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer(),
    readFile(BOARD),
  ]);
  shots = [first, withThumbnail(second, first), progressive, restarts, board, second];
});

const read = (input: Buffer, pieceOf?: () => number) =>
  readFrames(input, readMjpeg, pieceOf ? { pieceOf } : {});

describe("one JPEG behind the other", () => {
  test.each([1, 2, 3, 1000, 65_536])("comes apart where each ends, in pieces of %i bytes", (size) => {
    const run = read(Buffer.concat(shots), () => size);
    expect(run.frames.map((frame, i) => frame.equals(shots[i] ?? Buffer.alloc(0)))).toEqual(
      shots.map(() => true),
    );
    expect(run.frames).toHaveLength(shots.length);
    expect(run.torn).toBe(0);
    expect(run.reports.every(({ isStill }) => isStill)).toBe(true);
  });

  test("a picture larger than all before finds room", async () => {
    const noise = await sharp({
      create: {
        width: 900,
        height: 900,
        channels: 3,
        background: "#888",
        noise: { type: "gaussian", mean: 128, sigma: 60 },
      },
    })
      .jpeg({ quality: 100 })
      .toBuffer();
    expect(noise.length).toBeGreaterThan(512 * 1024);
    const run = read(Buffer.concat([...shots, noise, ...shots]));
    expect(run.frames).toHaveLength(2 * shots.length + 1);
    expect(run.frames[shots.length]?.equals(noise)).toBe(true);
  });

  test("zeros behind a picture are padding", () => {
    const padded = shots.flatMap((jpeg) => [jpeg, Buffer.alloc(333)]);
    const run = read(Buffer.concat(padded), () => 500);
    expect(run.frames).toHaveLength(shots.length);
    expect(run.torn).toBe(0);
  });

  test("half a picture and garbage are torn, and cost no other picture", () => {
    const random = randomFrom(3);
    const [first = Buffer.alloc(0), , , , board = Buffer.alloc(0), last = Buffer.alloc(0)] = shots;
    const garbage = Buffer.from(Array.from({ length: 50_000 }, () => random() * 255));
    const input = Buffer.concat([first, board.subarray(0, board.length >> 1), last, garbage, first, last]);
    for (const size of [13, 4096, 65_536]) {
      const run = read(input, () => size);
      const whole = run.frames.filter((frame) => [first, last].some((good) => good.equals(frame)));
      expect(run.torn).toBeGreaterThanOrEqual(2);
      expect(whole).toHaveLength(4);
      expect(run.frames).toHaveLength(4);
    }
  });
});
