import type { Clock } from "../../runtime/base/clock.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import type { Frame, FrameSource, Picture } from "../../runtime/pipeline/frame.ts";

/** A picture as somebody hands it in. */
export interface Pushed {
  picture: Picture;
  partId?: string | undefined;
  triggerId?: string | undefined;
  sourceId?: string | undefined;
  /** Wall clock of the capture by the sender; left out, the picture was taken just now. */
  sourceTimeMs?: number | undefined;
  origin?: string | undefined;
  /** Why there is no usable picture, although its part must be answered. */
  lost?: Error | undefined;
}

/**
 * What one pipeline made of the frame: a result, or none or several where parts are judged over frames. `error`:
 * the frame was dropped, or what became of it was not stored.
 */
export type FrameAnswer<Result> =
  | { pipeline: string; results: readonly Result[] }
  | { pipeline: string; error: SightlineError };

export interface PushOptions {
  camera: string;
  /** Frames without an answer at a time; whoever pushes more is refused. */
  pendingMax: number;
}

type Waiting<Result> = Map<string, PromiseWithResolvers<FrameAnswer<Result>>>;

/**
 * A camera whose frames others hand in, and each of them is answered: with every pipeline's results, or why there are
 * none. What happens to frames that come too fast is the camera's mode, as for any other camera.
 */
export class PushSource<Result> implements FrameSource {
  readonly canWait = false;
  readonly #clock: Clock;
  readonly #options: PushOptions;
  readonly #pipelines: string[] = [];
  /** By frame id, in rising order. */
  readonly #pending = new Map<number, Waiting<Result>>();
  #handed: Frame[] = [];
  #lastId = 0;
  #open = false;
  #wake = (): void => {};

  constructor(deps: { clock: Clock }, options: PushOptions) {
    this.#clock = deps.clock;
    this.#options = options;
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** Frames from now on wait for the answer of this pipeline too. */
  answeredBy(pipeline: string): void {
    this.#pipelines.push(pipeline);
  }

  /** Frames wait no longer for the answer of this pipeline; those that do are told that none will come. */
  notAnsweredBy(pipeline: string): void {
    this.#pipelines.splice(this.#pipelines.indexOf(pipeline), 1);
    for (const waiting of this.#pending.values()) {
      waiting.get(pipeline)?.resolve({ pipeline, error: closed(this.#options.camera) });
      waiting.delete(pipeline);
    }
  }

  async *frames(signal: AbortSignal): AsyncIterable<Frame> {
    this.#open = true;
    const close = (): void => {
      this.#open = false;
      this.#wake();
    };
    signal.addEventListener("abort", close, { once: true });
    while (!signal.aborted) {
      const frame = this.#handed.shift();
      if (frame) yield frame;
      else await this.#nextPush();
    }
  }

  /** Resolves with an answer a pipeline. Errors: ERR_CAMERA_CLOSED, ERR_QUEUE_FULL; the frame is not taken then. */
  async push(pushed: Pushed): Promise<FrameAnswer<Result>[]> {
    if (!this.#open) throw closed(this.#options.camera);
    if (this.#pending.size >= this.#options.pendingMax) {
      throw new SightlineError(
        "ERR_QUEUE_FULL",
        `${this.#pending.size} frames are already waiting for their verdicts`,
      );
    }
    const frame = this.#frame(pushed);
    const waiting: Waiting<Result> = new Map(
      this.#pipelines.map((name) => [name, Promise.withResolvers<FrameAnswer<Result>>()]),
    );
    const answers = [...waiting.values()].map(({ promise }) => promise);
    this.#pending.set(frame.id, waiting);
    this.#handed.push(frame);
    this.#wake();
    return Promise.all(answers).finally(() => this.#pending.delete(frame.id));
  }

  /**
   * A pipeline says what became of a frame. To be called in the order of the frames: one that is passed over was
   * dropped on its way, and nobody else would say so.
   */
  conclude(pipeline: string, frameId: number, results: Promise<readonly Result[]>): void {
    for (const [id, waiting] of this.#pending) {
      if (id > frameId) return;
      const asked = waiting.get(pipeline);
      waiting.delete(pipeline);
      if (id < frameId) asked?.resolve({ pipeline, error: dropped() });
      else asked?.resolve(results.then((all) => ({ pipeline, results: all }), failed(pipeline)));
    }
  }

  /** After the pipelines' end: whoever still waits is told that no answer will come. */
  end(): void {
    for (const waiting of this.#pending.values()) {
      for (const [pipeline, asked] of waiting)
        asked.resolve({ pipeline, error: closed(this.#options.camera) });
    }
  }

  #nextPush(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #frame({ lost, origin, picture, ...told }: Pushed): Frame {
    return {
      ...told,
      id: ++this.#lastId,
      camera: this.#options.camera,
      capturedAtNs: this.#clock.nowNs(),
      capturedAtMs: told.sourceTimeMs ?? this.#clock.wallMs(),
      picture,
      dropsBefore: 0,
      origin,
      lost,
      release: () => {},
    };
  }
}

const closed = (camera: string): SightlineError =>
  new SightlineError("ERR_CAMERA_CLOSED", `camera "${camera}" does not accept frames at the moment`);

const dropped = (): SightlineError =>
  new SightlineError("ERR_QUEUE_FULL", "a newer frame took this one's place before it was judged");

const failed = (pipeline: string) => (error: unknown) => ({
  pipeline,
  error: SightlineError.wrap("ERR_STORE_WRITE", error),
});
