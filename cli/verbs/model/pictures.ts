import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { loadConfig } from "../../../config/load.ts";
import { systemClock } from "../../../runtime/base/clock.ts";
import { SightlineError } from "../../../runtime/base/errors.ts";
import type { Kernels } from "../../../runtime/native/index.ts";
import type { ModelInput } from "../../../runtime/pipeline/preprocess.ts";
import type { NamedTensors } from "../../../runtime/tensor/tensor.ts";
import { openSource } from "../../../services/camera/open-source.ts";
import { fileFeeds, pictureFeeds, pictureFiles } from "../../../toolchain/quantize/calibrate/images.ts";
import type { CommandContext } from "../../verb.ts";

/** Calibration inputs: the pictures of a folder, or frames of a configured camera. */
export interface Pictures {
  count: number;
  /** Starts again from the first picture at each call. */
  inputs: () => AsyncIterable<NamedTensors>;
}

export async function folderPictures(kernels: Kernels, input: ModelInput, folder: string): Promise<Pictures> {
  const files = await pictureFiles(folder);
  async function* inputs() {
    for (const file of files) yield (await fileFeeds(kernels, input, file)).feeds;
  }
  return { count: files.length, inputs };
}

interface CameraFrames {
  config: string;
  camera: string;
  frames: number;
}

/** Errors: ERR_CONFIG_*, ERR_USAGE (no such camera, or one whose frames are sent by others), ERR_CAMERA_*. */
export function cameraPictures(
  kernels: Kernels,
  input: ModelInput,
  { camera, config, frames }: CameraFrames,
  context: CommandContext,
): Pictures {
  const settings = loadConfig(resolve(context.cwd, config), { env: context.env }).cameras[camera];
  if (!settings) throw new SightlineError("ERR_USAGE", `${config} has no camera "${camera}"`);
  if (settings.source === "http" || settings.source === "mqtt")
    throw new SightlineError(
      "ERR_USAGE",
      `camera "${camera}" has no frames of its own: they are sent to it over ${settings.source}`,
    );
  const source = settings;
  async function* inputs() {
    const folder = await mkdtemp(join(tmpdir(), "sightline-camera-"));
    const end = new AbortController();
    let taken = 0;
    try {
      const opened = openSource({ clock: systemClock }, { camera, folder, blocks: 3 }, source);
      for await (const frame of opened.frames(end.signal)) {
        try {
          if (frame.lost === undefined) yield (await pictureFeeds(kernels, input, frame.picture)).feeds;
          else continue;
        } finally {
          frame.release();
        }
        if (++taken === frames) break;
      }
    } finally {
      end.abort();
      await rm(folder, { recursive: true });
    }
  }
  return { count: frames, inputs };
}

/** Holds every fifth input out for validation, up to `max`, and yields the others; each call yields the same ones. */
export async function* holdOut(
  inputs: AsyncIterable<NamedTensors>,
  held: NamedTensors[],
  max: number,
): AsyncGenerator<NamedTensors> {
  let [count, out] = [0, 0];
  for await (const feeds of inputs) {
    const isHeld = count++ % HOLD_OUT_EVERY === HOLD_OUT_EVERY - 1 && out < max;
    if (!isHeld) yield feeds;
    else if (++out > held.length) held.push(feeds);
  }
}

const HOLD_OUT_EVERY = 5;
