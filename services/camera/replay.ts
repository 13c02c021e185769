import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../runtime/base/clock.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import type { Frame, FrameSource } from "../../runtime/pipeline/frame.ts";
import { type Fps, untilDue } from "./pace.ts";

export interface ReplayOptions {
  /** The camera that it plays. */
  camera: string;
  /** A folder, whose pictures are taken in the order of their names; or `files`. */
  path?: string | undefined;
  files?: readonly string[] | undefined;
  fps: Fps;
  repeat: "loop" | "once";
}

const PICTURE = /\.(jpe?g|png|webp|tiff?)$/i;

/** Plays picture files as if a camera had taken them: the same files give the same frames with the same ids. */
export class ReplaySource implements FrameSource {
  readonly #clock: Clock;
  readonly #options: ReplayOptions;

  constructor(deps: { clock: Clock }, options: ReplayOptions) {
    this.#clock = deps.clock;
    this.#options = options;
  }

  get canWait(): boolean {
    return this.#options.fps === "max";
  }

  async *frames(signal: AbortSignal): AsyncIterable<Frame> {
    const files = await this.#files();
    const { fps } = this.#options;
    const startNs = this.#clock.nowNs();
    for (const [id, file] of this.#sequence(files)) {
      await untilDue(this.#clock, { id, fps, startNs }, signal);
      if (signal.aborted) return;
      yield await readFrame(this.#clock, { id, camera: this.#options.camera, file });
    }
  }

  *#sequence(files: readonly string[]): Iterable<[number, string]> {
    let id = 0;
    do {
      for (const file of files) yield [++id, file];
    } while (this.#options.repeat === "loop");
  }

  async #files(): Promise<readonly string[]> {
    const { camera, files, path = "." } = this.#options;
    try {
      const found = files ?? (await pictures(path));
      if (found.length === 0) throw new Error("no pictures (jpg, png, webp, tiff) in it");
      return found;
    } catch (error) {
      throw SightlineError.wrap("ERR_CAMERA_SOURCE", error, `camera "${camera}", ${files ? "files" : path}`);
    }
  }
}

/** An unreadable file is a lost frame, as a torn one from a camera would be, and not the end of the source. */
export async function readFrame(
  clock: Clock,
  from: { id: number; camera: string; file: string },
): Promise<Frame> {
  let bytes: Uint8Array = new Uint8Array();
  let lost: Error | undefined;
  try {
    bytes = await readFile(from.file);
  } catch (error) {
    lost = SightlineError.wrap("ERR_IMAGE_READ", error);
  }
  return {
    id: from.id,
    camera: from.camera,
    capturedAtNs: clock.nowNs(),
    capturedAtMs: clock.wallMs(),
    picture: { encoding: "still", bytes },
    dropsBefore: 0,
    origin: from.file,
    lost,
    release: () => {},
  };
}

async function pictures(path: string): Promise<string[]> {
  if ((await stat(path)).isFile()) return [path];
  const names = (await readdir(path)).filter((name) => PICTURE.test(name));
  return names.sort().map((name) => join(path, name));
}
