import { systemClock as clock } from "../../runtime/base/clock.ts";
import { openKernels } from "../../runtime/native/index.ts";
import type { Frame, RawPicture } from "../../runtime/pipeline/frame.ts";
import { openSource, type SourceSettings } from "../../services/camera/open-source.ts";
import { type CameraEvent, type CameraStatus, isSupervised } from "../../services/camera/report.ts";

type Given = Partial<Record<string, unknown>> & Pick<SourceSettings, "source">;

/** Defaults of the configuration's schema, for tests that begin below it. */
export const settingsOf = (given: Given): SourceSettings =>
  ({
    mode: "free_run",
    fault_frames: 10,
    framing: "raw",
    repeat: "loop",
    fps: undefined,
    ...given,
  }) as SourceSettings;

export interface Said {
  status?: CameraStatus;
  event?: CameraEvent;
  atMs: number;
}

/** A source under way, and all that it says. Frames are released after `look`. */
export class CameraRun {
  readonly said: Said[] = [];
  readonly ended: Promise<void>;
  /** For who wants to hear at once. */
  onSaid: (said: Said) => void = () => {};
  readonly #abort = new AbortController();
  readonly #look: (frame: Frame) => void | Promise<void>;
  #changed = () => {};

  constructor(folder: string, given: Given, look: (frame: Frame) => void | Promise<void>, blocks = 8) {
    this.#look = look;
    const source = openSource({ clock }, { camera: "cam", folder, blocks }, settingsOf(given));
    if (isSupervised(source)) {
      source.listen({
        onStatus: (status) => this.#say({ status, atMs: performance.now() }),
        onEvent: (event) => this.#say({ event, atMs: performance.now() }),
        onStale: () => {},
      });
    }
    this.source = source;
    this.ended = this.#run();
    this.ended.catch(() => {});
  }

  readonly source: ReturnType<typeof openSource> & { pid?: number | undefined };

  get statuses(): CameraStatus[] {
    return this.said.flatMap(({ status }) => status ?? []);
  }

  get failures(): Extract<CameraEvent, { type: "failure" }>[] {
    return this.said.flatMap(({ event }) => (event?.type === "failure" ? event : []));
  }

  /** Resolves when `condition` holds, looking after each frame and each thing said. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await Promise.race([
        new Promise<void>((resolve) => {
          this.#changed = resolve;
        }),
        this.ended,
      ]);
    }
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.ended;
  }

  async #run(): Promise<void> {
    for await (const frame of this.source.frames(this.#abort.signal)) {
      try {
        await this.#look(frame);
      } finally {
        frame.release();
      }
      this.#changed();
    }
  }

  #say(said: Said): void {
    this.said.push(said);
    this.onSaid(said);
    this.#changed();
  }
}

/** The first `count` frames, each looked at before it is released. */
export async function take<T>(
  folder: string,
  given: Given,
  count: number,
  look: (frame: Frame) => T,
): Promise<Awaited<T>[]> {
  const seen: Awaited<T>[] = [];
  const run: CameraRun = new CameraRun(folder, given, async (frame) => {
    if (seen.length < count) seen.push(await look(frame));
  });
  try {
    await run.until(() => seen.length >= count);
  } finally {
    await run.stop();
  }
  return seen;
}

export function rawOf({ lost, picture }: Frame): RawPicture {
  if (lost) throw lost;
  if (picture.encoding !== "raw") throw new Error("not a raw picture");
  return picture;
}

const kernels = openKernels();

/** The picture in RGB, at its own size, through the kernel that fills tensors. */
export async function toRgb(picture: RawPicture): Promise<Uint8Array> {
  const { bytes, format, height, planes, width } = picture;
  const whole = { left: 0, top: 0, width, height };
  const rgb = new Uint8Array(width * height * 3);
  const target = { layout: "NHWC", color: "rgb", width, height, place: whole, pad: 0 } as const;
  const factors = { scale: [1, 1, 1], offset: [0, 0, 0] } as const;
  const { matrix = height > 576 ? "bt709" : "bt601", range = "limited" } = picture;
  const source = {
    format,
    width,
    height,
    planes,
    matrix,
    range,
  } as const;
  await kernels.preprocess(bytes, { source, crop: whole, target: { ...target, ...factors } }, rgb, 0);
  return rgb;
}

/** videotestsrc's bars from left to right. */
const BARS = [0xffffff, 0xffff00, 0x00ffff, 0x00ff00, 0xff00ff, 0xff0000, 0x0000ff];

/**
 * The largest difference of any channel from what the colour bars should be, in all rows of the upper part: a row that
 * is out of place, or a plane, or a channel, shows.
 */
export function differenceFromBars(
  rgb: Uint8Array,
  { height, width }: { width: number; height: number },
): number {
  let most = 0;
  for (let y = 1; y < Math.floor(height * 0.6); y++) {
    for (const [i, bar] of BARS.entries()) {
      const at = (y * width + Math.floor(((i + 0.5) * width) / BARS.length)) * 3;
      for (const [channel, shift] of [16, 8, 0].entries()) {
        const wanted = (bar >> shift) & 0xff;
        most = Math.max(most, Math.abs((rgb[at + channel] ?? -1e3) - wanted));
      }
    }
  }
  return most;
}
