import { describe, expect, test } from "vitest";
import { type FramePlace, SizeChanged } from "../../../services/camera/reader/frame-place.ts";
import { readMultipart } from "../../../services/camera/reader/multipart.ts";
import type { Pipe } from "../../../services/camera/reader/pipe.ts";
import { readRaw } from "../../../services/camera/reader/raw.ts";
import { randomFrom } from "../../support/models.ts";
import { readFrames } from "../../support/reader-run.ts";

const BOUNDARY = "sightline-0123";
const part = (payload: Uint8Array, boundary = BOUNDARY): Buffer =>
  Buffer.concat([
    Buffer.from(`--${boundary}\r\nContent-Type: video/x-raw\r\nContent-Length: ${payload.length}\r\n\r\n`),
    payload,
    Buffer.from("\r\n"),
  ]);

/** Frame `n` is full of n, which would be a line end or a dash often enough if it were not told by its place. */
const frame = (n: number, bytes = 3000): Buffer => Buffer.alloc(bytes, n);
const multipart = (boundary: string | undefined) => (pipe: Pipe, place: FramePlace) =>
  readMultipart(pipe, place, boundary);
const numbers = (frames: readonly Buffer[]): number[] =>
  frames.map((bytes) => {
    if (!bytes.every((byte) => byte === bytes[0])) throw new Error("a frame of two halves");
    return bytes[0] ?? -1;
  });

describe("multipart", () => {
  test.each([1, 2, 3, 7, 100, 1009, 65_536])("frames come out whole in pieces of %i bytes", (size) => {
    const input = Buffer.concat([13, 10, 45, 4, 5].map((n) => part(frame(n))));
    const run = readFrames(input, multipart(BOUNDARY), { pieceOf: () => size });
    expect(numbers(run.frames)).toEqual([13, 10, 45, 4, 5]);
    expect(run.reports.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5]);
    expect(run.torn).toBe(0);
  });

  test("a half frame is torn, and the one whose start it swallowed too; those after are not", () => {
    const half = part(frame(2)).subarray(0, 1600);
    const input = Buffer.concat([part(frame(1)), half, part(frame(3)), part(frame(4)), part(frame(5))]);
    for (const size of [1, 77, 65_536]) {
      const run = readFrames(input, multipart(BOUNDARY), { pieceOf: () => size });
      expect(numbers(run.frames)).toEqual([1, 4, 5]);
      expect(run.torn).toBe(1);
    }
  });

  test("a half frame of a stranger that happens to end with a line end is seen by the delimiter inside", () => {
    const swallowed = part(Buffer.alloc(3000, "\r\n"));
    const cuts = [1600, 1601].map((bytes) => [
      part(frame(1)),
      part(frame(2)).subarray(0, bytes),
      swallowed,
      part(frame(3)),
    ]);
    for (const parts of cuts) {
      const run = readFrames(Buffer.concat(parts), multipart(undefined), { pieceOf: () => 1000 });
      expect(numbers(run.frames)).toEqual([1, 3]);
    }
  });

  test("garbage before, between and behind frames costs no frame that is whole", () => {
    const random = randomFrom(7);
    const garbage = (bytes: number) => Buffer.from(Array.from({ length: bytes }, () => random() * 256));
    const input = Buffer.concat([
      garbage(200_000),
      part(frame(1)),
      garbage(5),
      part(frame(2)),
      Buffer.from(`--${BOUNDARY}\r\nContent-Type: video/x-raw\r\n\r\n`),
      part(frame(3)),
      garbage(70_000),
    ]);
    const run = readFrames(input, multipart(BOUNDARY), { pieceOf: () => random() * 9000 });
    expect(numbers(run.frames)).toEqual([1, 2, 3]);
    expect(run.torn).toBe(4);
  });

  test("a length that no frame has is not believed", () => {
    const huge = Buffer.from(
      `--${BOUNDARY}\r\nContent-Type: video/x-raw\r\nContent-Length: 9999999999\r\n\r\n`,
    );
    const run = readFrames(Buffer.concat([huge, part(frame(1))]), multipart(BOUNDARY));
    expect(numbers(run.frames)).toEqual([1]);
  });

  test("frames of another size end the run instead of being sheared", () => {
    const input = Buffer.concat([part(frame(1)), part(frame(2, 3001)), part(frame(3))]);
    const run = readFrames(input, multipart(BOUNDARY));
    expect(numbers(run.frames)).toEqual([1]);
    expect(run.error).toEqual(new SizeChanged(3000, 3001));
    const first = readFrames(part(frame(1)), multipart(BOUNDARY), { frameBytes: 2999 });
    expect(first.error).toEqual(new SizeChanged(2999, 3000));
  });

  test("the boundary is learnt from a stream that does not tell it", () => {
    const input = Buffer.concat([part(frame(1), "abc"), part(frame(2), "abc")]);
    const whole = readFrames(input, multipart(undefined), { pieceOf: () => 11 });
    expect(numbers(whole.frames)).toEqual([1, 2]);
    const late = readFrames(input.subarray(500), multipart(undefined));
    expect(numbers(late.frames)).toEqual([2]);
  });
});

describe("raw", () => {
  test("frames follow one another; a piece at the end is none", () => {
    const input = Buffer.concat([frame(1, 100), frame(2, 100), frame(3, 60)]);
    const run = readFrames(input, (pipe, place) => readRaw(pipe, place, 100), { pieceOf: () => 33 });
    expect(numbers(run.frames)).toEqual([1, 2]);
  });

  test("a frame's time is that of its first byte, not of the wait before it", () => {
    let calls = 0;
    let begunNs = 0n;
    const beforeMs = Date.now();
    const pieceOf = () => {
      if (++calls === 1) begunNs = process.hrtime.bigint();
      return 50;
    };
    const [report] = readFrames(frame(1, 100), (pipe, place) => readRaw(pipe, place, 100), {
      pieceOf,
    }).reports;
    expect(Number((report?.atNs ?? 0n) - begunNs)).toBeGreaterThan(0);
    // Of the same clock as `Date.now`, but not cut to whole milliseconds.
    expect(report?.atMs).toBeGreaterThanOrEqual(beforeMs);
    expect(report?.atMs).toBeLessThanOrEqual(Date.now() + 1);
  });
});
