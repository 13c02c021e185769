import { type Clock, msBetween } from "../../runtime/base/clock.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import type { Frame, FrameSource } from "../../runtime/pipeline/frame.ts";
import type { FrameQueue } from "../../runtime/pipeline/frame-queue.ts";
import { FrameBuffer, type FrameMode } from "./frame-buffer.ts";
import { type CameraEvent, type CameraStatus, isSupervised, type SourceStats } from "./report.ts";

export interface CameraOptions {
  id: string;
  mode: FrameMode;
  /** Frames that may wait, for each pipeline. */
  buffer: number;
  /** Age beyond which a frame in `free_run` is not judged any more. Left out: any. */
  staleMs?: number | undefined;
  /** In `free_run` only one frame in this many is judged, and the others are dropped. Left out: all are judged. */
  every?: (() => number) | undefined;
}

export interface CameraStats extends SourceStats {
  status: CameraStatus;
  frames: number;
  lastFrameAtMs: number | undefined;
}

interface Deps {
  source: FrameSource;
  clock: Clock;
  logger: Logger;
  onStatus(status: CameraStatus): void;
  onEvent(event: CameraEvent): void;
}

const UNSUPERVISED: SourceStats = { dropped: 0, torn: 0, stalls: 0, restarts: 0, faults: [] };

/** One source and the pipelines that watch it, each through a buffer of its own so that none slows another. */
export class Camera {
  readonly #deps: Deps;
  readonly #options: CameraOptions;
  readonly #buffers: FrameBuffer[] = [];
  readonly #abort = new AbortController();
  #frames = 0;
  /** By pipelines that watch no more. */
  #droppedBefore = 0;
  #lastFrameAtMs: number | undefined;
  #status: CameraStatus | undefined;
  #running: Promise<void> | undefined;

  constructor(deps: Deps, options: CameraOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  get stats(): CameraStats {
    const { source } = this.#deps;
    const stats = isSupervised(source) ? source.stats : UNSUPERVISED;
    const inBuffers = this.#buffers.reduce((sum, buffer) => sum + buffer.dropped, 0);
    const dropped = stats.dropped + this.#droppedBefore + inBuffers;
    return {
      ...stats,
      status: this.#status ?? "offline",
      frames: this.#frames,
      // Over all pipelines, and before them.
      dropped,
      lastFrameAtMs: this.#lastFrameAtMs,
    };
  }

  /** Frames from now on; ends with the camera. */
  watch(): FrameQueue {
    const { buffer: capacity, mode, staleMs = Number.POSITIVE_INFINITY } = this.#options;
    const ageMs = (frame: Frame) => msBetween(frame.capturedAtNs, this.#deps.clock.nowNs());
    const buffer = new FrameBuffer(mode, capacity, { isStale: (frame) => ageMs(frame) > staleMs });
    this.#buffers.push(buffer);
    return buffer;
  }

  /** The frames that wait are still there; no more will come. */
  unwatch(queue: FrameQueue): void {
    const at = this.#buffers.indexOf(queue as FrameBuffer);
    const [buffer] = at < 0 ? [] : this.#buffers.splice(at, 1);
    if (buffer) this.#droppedBefore += buffer.dropped;
    buffer?.end();
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
    const { logger, onEvent, source } = this.#deps;
    const onStatus = (status: CameraStatus) => this.#say(status);
    const onStale = () => {
      for (const buffer of this.#buffers) buffer.discard();
    };
    if (isSupervised(source)) source.listen({ onStatus, onEvent, onStale });
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

  #say(status: CameraStatus): void {
    if (status === this.#status) return;
    this.#status = status;
    this.#deps.onStatus(status);
  }

  async #hand(frame: Frame): Promise<void> {
    const { every, mode } = this.#options;
    if (mode === "free_run" && every && frame.id % every() !== 0) return this.#skip(frame);
    if (this.#deps.source.canWait) await Promise.all(this.#buffers.map((buffer) => buffer.room()));
    const shared = releasedBy(this.#buffers.length, mode === "triggered" ? counted(frame) : frame);
    for (const buffer of this.#buffers) buffer.push(shared);
  }

  #skip(frame: Frame): void {
    const shared = releasedBy(this.#buffers.length, frame);
    for (const buffer of this.#buffers) buffer.drop(shared);
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
