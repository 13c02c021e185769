import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { SightlineError } from "../../runtime/base/errors.ts";
import type { Frame } from "../../runtime/pipeline/frame.ts";
import { decodeStill } from "../../runtime/pipeline/still-image.ts";
import { CameraRun, differenceFromBars, rawOf, take, toRgb } from "../support/camera-run.ts";
import { run } from "../support/child-processes.ts";
import {
  HEIGHT,
  numberedFile,
  readNumber,
  readNumbered,
  scripted,
  WIDTH,
} from "../support/numbered-frames.ts";
import { range } from "../support/results.ts";
import { RtspServer } from "../support/rtsp-server.ts";
import { tempFolder } from "../support/temp-folder.ts";

const gst = (...args: string[]) => run("gst-launch-1.0", ["-q", ...args]);

const barsOf = async (frame: Frame) => {
  const picture = rawOf(frame);
  return { ...picture, difference: differenceFromBars(await toRgb(picture), picture) };
};

/** The bars in a JPEG as it came. */
async function barsOfStill({ picture }: Frame): Promise<number> {
  const size = { width: 320, height: 240 };
  const target = { ...size, color: "rgb", resize: "stretch", padValue: 0 } as const;
  const { pixels, source } = await decodeStill(Uint8Array.from(picture.bytes), target);
  expect(source).toEqual(size);
  return differenceFromBars(await toRgb(pixels), size);
}

describe("GStreamer's own pictures arrive as they are", () => {
  const formats = [
    ["rgb", "rgb24", 0],
    ["bgr", "bgr24", 0],
    ["nv12", "nv12", 6],
    ["i420", "i420", 6],
    ["yuy2", "yuyv", 6],
  ] as const;
  const sizes = [
    [640, 480],
    [642, 482],
    [641, 481],
    [99, 57],
  ] as const;

  test.each(formats.flatMap((format) => sizes.map((size) => [...format, ...size] as const)))(
    "%s (%s, within %i) of %i×%i",
    async (format, kernelFormat, tolerance, width, height) => {
      const given = { source: "gst", preset: "test", format, width, height, fps: 100 } as const;
      const seen = await take(await tempFolder(), given, 10, barsOf);
      for (const picture of seen) {
        expect(picture).toMatchObject({ format: kernelFormat, width, height });
        expect(picture.difference).toBeLessThanOrEqual(tolerance);
      }
    },
  );

  test.each(sizes)("gray8 of %i×%i, as the luma of the bars", async (width, height) => {
    const given = { source: "gst", preset: "test", format: "gray8", width, height, fps: 100 } as const;
    const seen = await take(await tempFolder(), given, 10, async (frame) => {
      const rgb = await toRgb(rawOf(frame));
      const at = (x: number, y: number) => rgb[(y * width + x) * 3] ?? -1;
      const column = (bar: number) => Math.floor(((bar + 0.5) * width) / 7);
      return [0, 3, 6].map(
        (bar) => new Set(range(0, Math.floor(height * 0.6)).map((y) => at(column(bar), y))),
      );
    });
    for (const columns of seen) {
      expect(columns.map((levels) => levels.size)).toEqual([1, 1, 1]);
      const [white = 0, green = 0, blue = 0] = columns.map((levels) => [...levels][0]);
      expect(white).toBeGreaterThan(230);
      expect(green).toBeLessThan(white - 40);
      expect(blue).toBeLessThan(green - 40);
    }
  });

  test("the source's own format and size are found out, without a conversion", async () => {
    const pipeline = "videotestsrc is-live=true ! video/x-raw,format=YUY2,width=98,height=50,framerate=50/1";
    const [picture] = await take(await tempFolder(), { source: "gst", pipeline }, 1, barsOf);
    expect(picture).toMatchObject({ format: "yuyv", width: 98, height: 50 });
    expect(picture?.difference).toBeLessThanOrEqual(6);
  });

  test("every frame is there, once and in order", async () => {
    const folder = await tempFolder();
    const file = join(folder, "numbers.gray");
    await writeFile(file, numberedFile(600));
    const pipeline = `filesrc location="${file}" ! rawvideoparse format=gray8 width=${WIDTH} height=${HEIGHT} framerate=300/1 ! identity sync=true`;
    const seen = await take(folder, { source: "gst", pipeline }, 500, (frame) => ({
      id: frame.id,
      number: readNumber(rawOf(frame).bytes),
      drops: frame.dropsBefore,
    }));
    for (const { id, number } of seen) expect(number).toBe(id - 1);
    expect(seen.at(-1)?.id).toBe(500 + seen.reduce((sum, { drops }) => sum + drops, 0));
  });

  test.each([
    ["of another size", "width=98,height=58", {}],
    ["turned on its side, with as many bytes", "width=48,height=64", {}],
    ["of another size than was asked for", "width=98,height=58", { width: WIDTH, height: HEIGHT }],
  ])("frames %s in the middle are a failure, and none is judged", async (_, second, asked) => {
    const plain = (count: string, size: string) =>
      `videotestsrc ${count} ! video/x-raw,format=GRAY8,${size},framerate=50/1 ! c.`;
    const pipeline = `concat name=c ${plain("pattern=white num-buffers=20", `width=${WIDTH},height=${HEIGHT}`)} ${plain("pattern=black", second)} c. ! identity sync=true`;
    const given = { source: "gst", pipeline, ...asked } as const;
    const kinds = new Set<string>();
    let frames = 0;
    const run = new CameraRun(await tempFolder(), given, (frame) => {
      const { bytes, height, width } = rawOf(frame);
      frames = frame.id;
      kinds.add(`${width}×${height} ${bytes.every((level) => level > 200) ? "white" : "black"}`);
    });
    await run.until(() => run.failures.length >= 2 && frames > 20);
    await run.stop();
    expect(new Set(run.failures.map(({ error }) => error.code))).toEqual(new Set(["ERR_CAMERA_FORMAT"]));
    expect(kinds).toEqual(new Set([`${WIDTH}×${HEIGHT} white`]));
  });

  test("JPEG stays JPEG", async () => {
    const given = {
      source: "gst",
      preset: "test",
      format: "jpeg",
      width: 320,
      height: 240,
      fps: 50,
    } as const;
    for (const difference of await take(await tempFolder(), given, 5, barsOfStill)) {
      expect(difference).toBeLessThan(32);
    }
  });
});

describe("a video file", () => {
  /** Frame n is grey of level 20 + 3 n. */
  async function video(folder: string, frames: number): Promise<string> {
    const raw = Buffer.alloc(frames * WIDTH * HEIGHT);
    for (let n = 0; n < frames; n++) raw.fill(20 + 3 * n, n * WIDTH * HEIGHT, (n + 1) * WIDTH * HEIGHT);
    const [source, target] = [join(folder, "levels.gray"), join(folder, "levels.avi")];
    await writeFile(source, raw);
    const parse = ["rawvideoparse", "format=gray8", `width=${WIDTH}`, `height=${HEIGHT}`, "framerate=25/1"];
    const encode = ["!", "videoconvert", "!", "jpegenc", "quality=100", "!", "avimux", "!"];
    await gst("filesrc", `location=${source}`, "!", ...parse, ...encode, "filesink", `location=${target}`);
    return target;
  }

  const numberOf = (frame: Frame): number => {
    const { bytes, planes } = rawOf(frame);
    return Math.round(((bytes[(planes[0]?.stride ?? 0) * 20 + 30] ?? 0) - levels.zero) / levels.step);
  };
  /** Levels of full range come as limited range, or not, as decoders see fit. */
  let levels = { zero: 20, step: 3 };

  test("is replayed frame by frame, at any speed, once or again and again", async () => {
    const folder = await tempFolder();
    const path = await video(folder, 60);
    const first: number[] = [];
    const probe = new CameraRun(folder, { source: "replay", path, fps: "max", repeat: "once" }, (frame) => {
      const { bytes, planes } = rawOf(frame);
      first.push(bytes[(planes[0]?.stride ?? 0) * 20 + 30] ?? 0);
    });
    await probe.ended;
    expect(first).toHaveLength(60);
    levels = { zero: first[0] ?? 0, step: ((first[59] ?? 0) - (first[0] ?? 0)) / 59 };
    expect(levels.step).toBeGreaterThan(2);
    expect(first.map((level) => Math.round((level - levels.zero) / levels.step))).toEqual(range(0, 59));
    const looped = await take(folder, { source: "replay", path, fps: 200, repeat: "loop" }, 150, (frame) => [
      frame.id,
      numberOf(frame),
      frame.origin,
    ]);
    expect(looped).toEqual(range(1, 150).map((id) => [id, (id - 1) % 60, path]));
  });

  test("as a camera, runs at its own speed and again from its start", async () => {
    const folder = await tempFolder();
    const path = await video(folder, 30);
    const seen = await take(folder, { source: "gst", preset: "file", path }, 45, (frame) => frame);
    expect(seen.at(-1)?.id).toBeGreaterThanOrEqual(45);
    // 44 steps of 40 ms each, or more when the machine is busy; as fast as it can be read it would take a tenth.
    expect((seen.at(-1)?.capturedAtMs ?? 0) - (seen[0]?.capturedAtMs ?? 0)).toBeGreaterThan(1_000);
  });

  test("that is none ends the source with what GStreamer says", async () => {
    const folder = await tempFolder();
    const path = join(folder, "text.mp4");
    await writeFile(path, "not a video\n".repeat(100));
    const run = new CameraRun(folder, { source: "replay", path, fps: "max", repeat: "once" }, () => {});
    await expect(run.ended).rejects.toMatchObject({
      code: "ERR_CAMERA_ENDED",
      message: expect.stringMatching(/ERROR/),
    });
  });
});

test("an RTSP stream", async () => {
  const server = await RtspServer.start(
    "videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! jpegenc quality=95 ! rtpjpegpay name=pay0",
  );
  const seen = await take(await tempFolder(), { source: "gst", preset: "rtsp", url: server.url }, 20, barsOf);
  for (const picture of seen) {
    expect(picture).toMatchObject({ width: 320, height: 240 });
    expect(picture.difference).toBeLessThan(32);
  }
});

describe("exec", () => {
  test("MJPEG from a child is split into its pictures", async () => {
    const pipeline =
      "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=50/1 ! videoconvert ! video/x-raw,format=I420 ! jpegenc quality=95 ! fdsink";
    const given = {
      source: "exec",
      command: ["gst-launch-1.0", "-q", ...pipeline.split(" ")],
      framing: "mjpeg",
    } as const;
    for (const difference of await take(await tempFolder(), given, 10, barsOfStill)) {
      expect(difference).toBeLessThan(32);
    }
  });

  test.each(["raw", "multipart"] as const)("frames of %s are whole, in order and fresh", async (framing) => {
    const seen = await take(await tempFolder(), scripted(framing, "none"), 50, (frame) => ({
      ...readNumbered(rawOf(frame).bytes),
      id: frame.id,
      capturedAtMs: frame.capturedAtMs,
      seenAtMs: Date.now(),
    }));
    expect(seen.map(({ number }) => number)).toEqual(seen.map(({ id }) => id));
    for (const { atMs, capturedAtMs, seenAtMs } of seen) {
      expect(capturedAtMs).toBeGreaterThanOrEqual(Math.floor(atMs));
      expect(capturedAtMs).toBeLessThanOrEqual(seenAtMs + 1);
    }
  });

  test("padded rows are left out", async () => {
    const frame = Buffer.concat(
      range(1, 10).map((y) => Buffer.concat([Buffer.alloc(30, y), Buffer.alloc(34, 255)])),
    );
    const file = join(await tempFolder(), "padded");
    await writeFile(file, frame);
    const given = {
      source: "exec",
      command: ["cat", file],
      format: "rgb",
      width: 10,
      height: 10,
      stride: 64,
    } as const;
    const [rgb] = await take(await tempFolder(), given, 1, (f) => toRgb(rawOf(f)));
    expect([...(rgb ?? [])]).toEqual(range(1, 10).flatMap((y) => Array.from({ length: 30 }, () => y)));
  });

  test("with `triggered` each part is answered, in order, whether there was room or not", async () => {
    const seen: { id: number; lost: string | undefined }[] = [];
    const given = { ...scripted("multipart", "none", 1), mode: "triggered" };
    const look = ({ id, lost }: Frame) => {
      seen.push({ id, lost: (lost as SightlineError | undefined)?.code });
      if (id % 100 === 0) blockMainThread(300);
    };
    const run = new CameraRun(await tempFolder(), given, look, 3);
    await run.until(() => seen.length >= 500);
    await run.stop();
    expect(seen.map(({ id }) => id)).toEqual(range(1, seen.length));
    expect(new Set(seen.map(({ lost }) => lost))).toEqual(new Set([undefined, "ERR_QUEUE_FULL"]));
  });

  test("with `free_run` a main thread that was away gets the newest frames, and knows how many it missed", async () => {
    const room = 3;
    const seen: { id: number; number: number; drops: number }[] = [];
    const look = (frame: Frame) => {
      const { number } = readNumbered(rawOf(frame).bytes);
      seen.push({ id: frame.id, number, drops: frame.dropsBefore });
      if (frame.id === 100) blockMainThread(1_000);
    };
    const run = new CameraRun(await tempFolder(), scripted("multipart", "none", 5), look, room);
    await run.until(() => seen.length > 150);
    await run.stop();
    for (const { id, number } of seen) expect(number).toBe(id);
    const after = seen.find(({ id }) => id > 100);
    // Those that there was room for came first and would be seen first, were it not for newer ones.
    expect(after?.drops).toBeGreaterThan(room);
    const last = seen.at(-1);
    expect(last?.id).toBe(seen.reduce((sum, { drops }) => sum + 1 + drops, 0));
  });
});

/** As a garbage collection or a careless plugin would. */
function blockMainThread(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
