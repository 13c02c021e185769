import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { SizeChanged } from "../../services/camera/reader/frame-place.ts";
import { readMjpeg } from "../../services/camera/reader/mjpeg.ts";
import { readMultipart } from "../../services/camera/reader/multipart.ts";
import { BOARD } from "../support/bad-pictures.ts";
import { readFrames } from "../support/reader-run.ts";
import { randomFrom } from "./random.ts";

const ROUNDS = 400;
const seeds = [1, Math.floor(Math.random() * 2 ** 32)];

/** Up to four places in which bytes stand that nobody meant. */
function withGarbage(stream: Buffer, random: () => number): Buffer {
  let damaged = stream;
  for (let left = 1 + Math.floor(random() * 4); left > 0; left--) {
    const at = Math.floor(random() * damaged.length);
    const garbage = Buffer.from(Array.from({ length: Math.floor(random() * 200) }, () => random() * 256));
    damaged = Buffer.concat([damaged.subarray(0, at), garbage, damaged.subarray(at)]);
  }
  return damaged;
}

/** A piece is missing somewhere: a writer falls short. (A pipe loses nothing on the way.) */
function fallenShort(frame: Buffer, random: () => number): Buffer {
  const from = Math.floor(random() * frame.length);
  const to = Math.min(frame.length, from + 1 + Math.floor(random() * frame.length));
  return Buffer.concat([frame.subarray(0, from), frame.subarray(to)]);
}

describe("whatever happens to a stream, each frame that comes out is one that went in", () => {
  test.each(seeds)(`${ROUNDS} multipart streams, seed %d`, (seed) => {
    const random = randomFrom(seed);
    let [came, torn] = [0, 0];
    for (let round = 0; round < ROUNDS; round++) {
      const bytes = 500 + Math.floor(random() * 2_000);
      const frames = Array.from({ length: 12 }, (_, n) => Buffer.alloc(bytes, `frame ${n} of ${round} `));
      const header = `--cam\r\nContent-Type: video/x-raw\r\nContent-Length: ${bytes}\r\n\r\n`;
      // Not both: a frame that has its length again cannot be told from one.
      const isGarbled = random() < 0.5;
      const parts = frames.flatMap((frame) => {
        const written = !isGarbled && random() < 0.3 ? fallenShort(frame, random) : frame;
        return [Buffer.from(header), written, Buffer.from("\r\n")];
      });
      const whole = Buffer.concat(parts);
      const input = isGarbled ? withGarbage(whole, random) : whole;
      const run = readFrames(input, (pipe, place) => readMultipart(pipe, place, undefined), {
        frameBytes: bytes,
        pieceOf: () => random() * 3_000,
      });
      // A damaged length is a change of size: the child would be started again.
      if (run.error && !(run.error instanceof SizeChanged)) throw run.error;
      const strange = run.frames.filter((frame) => !frames.some((good) => good.equals(frame)));
      expect(strange, `seed ${seed}, round ${round}`).toEqual([]);
      came += run.frames.length;
      torn += run.torn;
    }
    expect(came).toBeGreaterThan(ROUNDS * 5);
    expect(torn).toBeGreaterThan(ROUNDS / 2);
  });

  test.each(seeds)(
    `${ROUNDS / 4} MJPEG streams end, and give no frame without both its ends, seed %d`,
    (seed) => {
      const random = randomFrom(seed);
      const board = readFileSync(BOARD);
      let whole = 0;
      for (let round = 0; round < ROUNDS / 4; round++) {
        const boards = Array.from({ length: 5 }, () => (random() < 0.2 ? fallenShort(board, random) : board));
        const input = withGarbage(Buffer.concat(boards), random);
        const run = readFrames(input, readMjpeg, { pieceOf: () => 1_000 + random() * 50_000 });
        expect(run.error, `seed ${seed}, round ${round}`).toBeUndefined();
        for (const frame of run.frames) {
          expect([frame.readUInt16BE(0), frame.readUInt16BE(frame.length - 2)]).toEqual([0xffd8, 0xffd9]);
          if (frame.equals(board)) whole++;
        }
      }
      expect(whole).toBeGreaterThan(ROUNDS / 4);
    },
  );
});
