import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock as clock } from "../runtime/base/clock.ts";
import { type GstSettings, openSource } from "../services/camera/open-source.ts";
import { type Bench, cost, least, type Result } from "./bench.ts";
import { manyCameras } from "./cameras/many.ts";
import { cpuMsOf } from "./process-cpu.ts";

type Shape = Pick<GstSettings, "format" | "width" | "height" | "fps">;

/** Asked for a little more often than the goal, so that a lossless second has at least as many frames. */
const FASTER = 1.05;
const SOURCES = 8;
const SMALL: Shape = { format: "nv12", width: 320, height: 240, fps: 25 };

/** How long many at once run. */
const MANY_S = { quick: 2, full: 20, long: 300 };
/** A camera whose first frames take longer is not going to give any. */
const START_LIMIT_MS = 60_000;

/**
 * GStreamer to frames in this process: rate without loss, CPU, and whether many at once stay as small as they began; and a
 * daemon with ever more cameras. All of it is watched for a time, not for a number of frames, so that a slow machine takes as
 * long as a fast one: about three minutes, and `long` about eight.
 */
export const cameras: Bench = {
  name: "cameras",
  async run({ long, quick }) {
    const folder = await mkdtemp(join(tmpdir(), "sightline-bench-"));
    const seconds = quick ? 1 : 10;
    try {
      return [
        ...(await throughput(folder, { format: "rgb", width: 640, height: 480, fps: 300 }, seconds, 1)),
        ...(await throughput(folder, { format: "nv12", width: 1920, height: 1080, fps: 120 }, seconds, 2)),
        ...(await manyAtOnce(folder, MANY_S[quick ? "quick" : long ? "long" : "full"])),
        ...(await manyCameras({ quick })),
      ];
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function throughput(
  folder: string,
  shape: Shape,
  seconds: number,
  cpuMsMax: number,
): Promise<Result[]> {
  const { format, fps = 0, height, width } = shape;
  const camera = new Camera(folder, "cam", { ...shape, fps: Math.round(fps * FASTER) });
  await camera.until(Math.round(fps / 2));
  const before = camera.measure();
  await sleep(seconds * 1_000);
  const after = camera.measure();
  await camera.stop();
  const frames = after.frames - before.frames;
  const name = `${width}×${height} ${format}`;
  const perSecond = (1000 * frames) / (after.atMs - before.atMs);
  const arrived = (100 * frames) / (frames + after.dropped - before.dropped);
  return [
    least(`${name}, arrived`, "frames/s", perSecond, fps),
    least(`${name}, share that arrived`, "%", arrived, 100),
    cost(`${name}, CPU of reading it`, "ms/frame", (after.ownCpuMs - before.ownCpuMs) / frames, cpuMsMax),
    cost(
      `${name}, CPU of GStreamer`,
      "ms/frame",
      (after.childCpuMs - before.childCpuMs) / frames,
      2 * cpuMsMax,
    ),
  ];
}

async function manyAtOnce(folder: string, seconds: number): Promise<Result[]> {
  const all = Array.from({ length: SOURCES }, (_, i) => new Camera(folder, `cam${i}`, SMALL));
  const { fps = 0 } = SMALL;
  await Promise.all(all.map((camera) => camera.until(2 * fps)));
  const early = resources();
  const before = all.map((camera) => camera.measure());
  await sleep(seconds * 1000);
  const late = resources();
  const after = all.map((camera) => camera.measure());
  await Promise.all(all.map((camera) => camera.stop()));
  const slowest = Math.min(...after.map(({ atMs, frames }, i) => rateSince(before[i], frames, atMs)));
  const name = `${SOURCES} sources for ${seconds} s`;
  return [
    least(`${name}, the slowest`, "frames/s", slowest, 0.95 * fps),
    cost(`${name}, memory at the end of that at the beginning`, "×", late.rssBytes / early.rssBytes, 1.15),
    cost(`${name}, descriptors likewise`, "×", late.fds / early.fds, 1.01),
  ];
}

const rateSince = (before: Measured | undefined, frames: number, atMs: number): number =>
  before ? (1000 * (frames - before.frames)) / (atMs - before.atMs) : Number.NaN;

const resources = () => ({ rssBytes: process.memoryUsage.rss(), fds: readdirSync("/proc/self/fd").length });

interface Measured {
  atMs: number;
  frames: number;
  dropped: number;
  ownCpuMs: number;
  childCpuMs: number;
}

/** A source whose frames are counted and given back. */
class Camera {
  frames = 0;
  #dropped = 0;
  readonly #source: ReturnType<typeof openSource> & { pid?: number | undefined };
  readonly #abort = new AbortController();
  readonly #running: Promise<void>;
  #counted = () => {};
  #isOver = false;

  constructor(folder: string, camera: string, shape: Shape) {
    const settings = { source: "gst", preset: "test", mode: "free_run", fault_frames: 10, ...shape } as const;
    this.#source = openSource({ clock }, { camera, folder, blocks: 64 }, settings);
    this.#running = this.#run();
  }

  async until(frames: number): Promise<void> {
    const late = setTimeout(() => this.#abort.abort(), START_LIMIT_MS);
    while (this.frames < frames) {
      if (this.#isOver) throw new Error(`only ${this.frames} frames came in ${START_LIMIT_MS} ms`);
      await new Promise<void>((resolve) => {
        this.#counted = resolve;
      });
    }
    clearTimeout(late);
  }

  measure(): Measured {
    const { system, user } = process.cpuUsage();
    const childCpuMs = cpuMsOf(this.#source.pid ?? 0);
    const ownCpuMs = (system + user) / 1000;
    return { atMs: performance.now(), frames: this.frames, dropped: this.#dropped, ownCpuMs, childCpuMs };
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    for await (const frame of this.#source.frames(this.#abort.signal)) {
      this.frames++;
      this.#dropped += frame.dropsBefore;
      frame.release();
      this.#counted();
    }
    this.#isOver = true;
    this.#counted();
  }
}
