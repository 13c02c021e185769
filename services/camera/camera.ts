import { SightlineError } from "../../runtime/base/errors.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import type { Frame, FrameSource } from "../../runtime/pipeline/frame.ts";
import { FrameBuffer, type FrameMode } from "./frame-buffer.ts";

export type CameraStatus = "online" | "offline";

export interface CameraOptions {
  id: string;
  mode: FrameMode;
  /** Frames that may wait, for each pipeline. */
  buffer: number;
}

export interface CameraStats {
  frames: number;
  /** Over all pipelines. */
  dropped: number;
  lastFrameAtMs: number | undefined;
}

interface Deps {
  source: FrameSource;
  logger: Logger;
  onStatus(status: CameraStatus): void;
}

/** One source and the pipelines that watch it, each through a buffer of its own so that none slows another. */
export class Camera {
  readonly #deps: Deps;
  readonly #options: CameraOptions;
  readonly #buffers: FrameBuffer[] = [];
  readonly #abort = new AbortController();
  #frames = 0;
  #lastFrameAtMs: number | undefined;
  #running: Promise<void> | undefined;

  constructor(deps: Deps, options: CameraOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  get stats(): CameraStats {
    const dropped = this.#buffers.reduce((sum, buffer) => sum + buffer.dropped, 0);
    return { frames: this.#frames, dropped, lastFrameAtMs: this.#lastFrameAtMs };
  }

  /** Frames from `start` on; ends with the camera. To be called before `start`. */
  watch(): AsyncIterable<Frame> {
    const buffer = new FrameBuffer(this.#options.mode, this.#options.buffer);
    this.#buffers.push(buffer);
    return buffer;
  }

  /** A camera that nobody watches stays off. */
  start(): void {
    if (this.#buffers.length > 0) this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    for (const buffer of this.#buffers) buffer.end();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { logger, onStatus, source } = this.#deps;
    try {
      for await (const frame of source.frames(this.#abort.signal)) {
        if (this.#frames++ === 0) onStatus("online");
        this.#lastFrameAtMs = frame.capturedAtMs;
        await this.#hand(frame);
      }
    } catch (error) {
      const { code, hint, message } = SightlineError.wrap("ERR_CAMERA_SOURCE", error).toRecord();
      logger.error({ camera: this.#options.id, code, hint }, message);
    } finally {
      for (const buffer of this.#buffers) buffer.end();
      onStatus("offline");
    }
  }

  async #hand(frame: Frame): Promise<void> {
    if (this.#deps.source.canWait) await Promise.all(this.#buffers.map((buffer) => buffer.room()));
    const shared = releasedBy(
      this.#buffers.length,
      this.#options.mode === "triggered" ? counted(frame) : frame,
    );
    for (const buffer of this.#buffers) buffer.push(shared);
  }
}

/** Nobody named the trigger of this part: they are counted. */
const counted = (frame: Frame): Frame => ({ ...frame, triggerId: frame.triggerId ?? String(frame.id) });

/** The frame is released once each of its `holders` has released it. */
function releasedBy(holders: number, frame: Frame): Frame {
  let left = holders;
  const release = () => {
    if (--left === 0) frame.release();
  };
  return { ...frame, release };
}
